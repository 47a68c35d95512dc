-- A number in [0, 1) that a text always gives: chance without a generator's state.
create or replace temp macro uniform_hash(salt, raw) as
    md5_number_lower(concat_ws('|', salt, raw)) / 18446744073709551616.0::double;

-- Share of the words of two titles that are in both; each a list without repetitions.
create or replace temp macro jaccard(one, other) as
    len(list_intersect(one, other)) / nullif(len(one) + len(other) - len(list_intersect(one, other)), 0);
