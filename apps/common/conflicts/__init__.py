"""Two people on one page of the admin: what a form showed is carried by it, and compared before anything is saved."""
