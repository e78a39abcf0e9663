"""Values and the columns made of them: dates, pinyin, n-grams. Imports no other package of `common`."""
