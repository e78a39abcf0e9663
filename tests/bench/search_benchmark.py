"""How long a search in 500,000 titles takes in SQL, with n-grams and with LIKE, and whether both find the same.

    python tests/bench/search_benchmark.py [rows]   (a scratch database beside that of DATABASE_URL; dropped behind it)

Milliseconds of the whole statement on one connection, not prepared, medians of 7: the first 50 hits in any order, as a
search looks for its candidates; the first 50 by descending id, as a list gives them; the first 50 by LIKE.
"""

# ruff: noqa: T201 - it draws titles, makes SQL of its own names, and prints its figures

import csv
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from apps.common.pinyin import search_key
from apps.common.searching import END, ngrams_sql, pattern, term_parameters
from partybuild import database

SCRATCH = "scratch_search_benchmark"
NAMES = Path(__file__).parents[2] / "fixtures" / "gazetteer" / "neighbourhoods.csv"
TOPICS = """
养老服务 党史学习 健康直通车 垃圾分类 心理咨询 青年创业 就业指导 文化遗产 科普讲座
法律援助 读书会 急救培训 睦邻晚餐 志愿巡逻 智慧社区
亲子教育 公益集市 助残 金融安全 国防教育 爱国卫生 旧区改造 加装电梯
非遗传承 慈善义卖 双拥共建 社区花园 食品安全 禁毒宣传 反诈宣传
""".split()  # noqa: SIM905 - read as a line
KINDS = """
项目 行动 计划 工作室 联盟 品牌 活动 讲堂 驿站 平台
""".split()  # noqa: SIM905 - read as a line
TERMS = """
养 麓 养老 杨十 党史学 养老服务 杨十户村 国定一居委会养老 sh wj wjc yanglao guodingyi wujiaochang yanglaofuwuxiangmu
""".split()  # noqa: SIM905 - read as a line
RUNS = 7


def titles(number: int) -> list[str]:
    """Return searched texts: places from the gazetteer, topics of which some are common, kinds."""
    dice = random.Random(7)
    with NAMES.open(encoding="utf-8") as file:
        places = [row["name"] for row in csv.DictReader(file)]
    keys = {word: search_key(word).split("\n") for word in (*places, *TOPICS, *KINDS)}
    found = []
    for _row in range(number):
        topic = dice.choice(TOPICS[:6]) if dice.random() < 0.2 else dice.choice(TOPICS[6:])
        parts = [keys[dice.choice(places)], keys[topic], keys[dice.choice(KINDS)]]
        lines = ["".join(line) for line in zip(*parts, strict=True)]
        found.append(END + "".join(f"{line}\n" for line in lines))
    return found


def build(connection: Any, rows: list[str]) -> None:
    """Fill the table, and say what the n-grams cost."""
    connection.execute("CREATE TABLE title (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, search_text text)")
    plain = _copy(connection, rows)
    connection.execute("TRUNCATE title; ALTER TABLE title ADD ngrams tsvector")
    connection.execute(
        "CREATE FUNCTION make() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN NEW.ngrams := {ngrams_sql('search_text')}; RETURN NEW; END $$"
    )
    connection.execute("CREATE TRIGGER make BEFORE INSERT OR UPDATE ON title FOR EACH ROW EXECUTE FUNCTION make()")
    filled = _copy(connection, rows)
    begin = time.perf_counter()
    connection.execute("CREATE INDEX title_ngrams ON title USING gin (ngrams)")
    connection.execute("ALTER TABLE title ALTER ngrams SET STATISTICS 1000")
    connection.execute("VACUUM ANALYZE title")
    indexed = time.perf_counter() - begin
    size = "SELECT pg_size_pretty(pg_relation_size('title')), pg_size_pretty(pg_relation_size('title_ngrams'))"
    table, index = connection.execute(size).fetchone()
    print(
        f"{len(rows):,} titles; COPY {plain:.1f} s, with n-grams {filled:.1f} s, index and statistics {indexed:.1f} s"
    )
    print(f"the n-grams of a row {1e6 * (filled - plain) / len(rows):.0f} µs; table {table}, index {index}\n")


def _copy(connection: Any, rows: list[str]) -> float:
    begin = time.perf_counter()
    with connection.cursor().copy("COPY title (search_text) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((row,))
    return time.perf_counter() - begin


def cost(connection: Any, sql: str, values: list[str]) -> float:
    """Return the median of the milliseconds that a statement takes."""
    costs = []
    for _run in range(RUNS):
        begin = time.perf_counter()
        connection.execute(sql, values, prepare=False).fetchall()
        costs.append(1000 * (time.perf_counter() - begin))
    return statistics.median(costs)


def condition(term: str) -> tuple[str, list[str]]:
    """Return the condition of a search for a term, with its values."""
    tsquery, like = term_parameters(term)
    meets = "ngrams @@ %s::tsquery"
    return (meets, [tsquery]) if like is None else (f"{meets} AND search_text LIKE %s", [tsquery, like])


def compare(connection: Any, rows: list[str]) -> None:
    """Print the milliseconds for terms that are short and long, rare and common."""
    print(f"{'term':<24}{'matches':>9}{'any order':>11}{'by id':>9}{'LIKE':>9}{'LIKE by id':>12}")
    for term in TERMS:
        meets, values = condition(term)
        matches = sum(term in row for row in rows)
        figures = [
            cost(connection, f"SELECT id FROM title WHERE {where} {order} LIMIT 50", given)
            for where, given in ((meets, values), ("search_text LIKE %s", [pattern(term)]))
            for order in ("", "ORDER BY id DESC")
        ]
        any_order, by_id, scan, scan_by_id = (f"{figure:.1f}" for figure in figures)
        print(f"{term:<24}{matches:>9,}{any_order:>11}{by_id:>9}{scan:>9}{scan_by_id:>12}")


def check(connection: Any, rows: list[str]) -> None:
    """Compare what both find for 200 terms drawn from the titles, pieces of any length of names and readings."""
    dice = random.Random(8)
    for _term in range(200):
        line = dice.choice([line for line in dice.choice(rows).split("\n") if line])
        start = dice.randrange(len(line))
        term = line[start : start + dice.choice([1, 2, 3, 4, 6, 10])]
        meets, values = condition(term)
        found = connection.execute(f"SELECT count(*), sum(id) FROM title WHERE {meets}", values).fetchone()
        scan = "SELECT count(*), sum(id) FROM title WHERE search_text LIKE %s"
        if found != connection.execute(scan, [pattern(term)]).fetchone():
            raise SystemExit(f"{term!r}: not what LIKE finds")
    print("\n200 terms drawn from the titles: the same rows as LIKE")


def main(number: int) -> None:
    """Build, measure, compare, and leave nothing behind."""
    database.prepare()
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {SCRATCH}")
        try:
            with psycopg.connect(url, dbname=SCRATCH, autocommit=True) as connection:
                rows = titles(number)
                build(connection, rows)
                compare(connection, rows)
                check(connection, rows)
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
