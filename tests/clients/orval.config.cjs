// orval, with nothing but where the service is: a generated function asks its own page's host otherwise.
const address = process.env.ADDRESS;
module.exports = {
  partybuild: {
    input: `${address}/api/v1/openapi.json`,
    output: { target: "generated/orval/client.ts", client: "fetch", baseUrl: address },
  },
};
