"""The words by which an item is found, as the database takes them from its names."""

import pytest

from tests.support.database import Database

NAMES = [
    ("app-database-7-password", "app database 7 password"),
    ("--a--0012-a-b--", "a 0012 b"),
    ("-", ""),
    ("1e5-0x1f-12abc-abc12", "1e5 0x1f 12abc abc12"),
    ("PaymentsApiKey", "paymentsapikey payments api key"),
    ("storageV2Key", "storagev2key storage v2 key"),
    ("a_b.c/d:e@f+g~h,i;j", "a b c d e f g h i j"),
    ("user@example.com", "user example com"),
    ("https://contoso.example/path?q=1&r=<b>", "https contoso example path q 1 r b"),
    ("1.2.3", "1 2 3"),
    ("-5", "5"),
    ('it\'s "quoted" [x] {y} (z) |w| \\v', "it s quoted x y z w v"),
    ("5% of $3 = #1 * 2 ! ^ `", "5 of 3 1 2"),
    ("größe-ÄRGER", "größe ärger"),
]


@pytest.mark.parametrize(("name", "words"), NAMES, ids=[name for name, _ in NAMES])
async def test_a_name_is_found_by_each_of_its_words(
    database: Database, name: str, words: str
) -> None:
    async with database.pool("scanner") as pool:
        found = await pool.fetchval(
            """
            INSERT INTO scanner.item (vault_id, kind, external_id, name, enabled, managed)
            VALUES (1, 'secret', 'secrets/a', $1, true, false)
            RETURNING tsvector_to_array(search)
            """,
            name,
        )

    assert set(found) == set(words.split())
