-- The words of a text, as the models' text features see them.
create or replace temp macro words(raw) as
    list_distinct(regexp_extract_all(lower(raw), '[\p{L}\p{M}\p{N}_]+'));

-- The one way a query is compared: lower case, single spaces, none at the ends; an empty one is no query.
create or replace temp macro normalised_query(raw) as
    nullif(trim(regexp_replace(lower(raw), '\s+', ' ', 'g')), '');

-- A number in [0, 1) that a text always gives: chance without a generator's state.
create or replace temp macro uniform_hash(salt, raw) as
    md5_number_lower(concat_ws('|', salt, raw)) / 18446744073709551616.0::double;

-- Share of the words of two titles that are in both; each a list without repetitions.
create or replace temp macro jaccard(one, other) as
    len(list_intersect(one, other)) / nullif(len(one) + len(other) - len(list_intersect(one, other)), 0);

-- What a share is at least: one-sided 90 % Wilson bound of successes / trials.
create or replace temp macro wilson_lower(successes, trials) as
    greatest(
        0,
        (
            successes / trials + 1.2815515655446004 * 1.2815515655446004 / 2 / trials
            - 1.2815515655446004 * sqrt(
                (successes / trials) * (1 - successes / trials) / trials
                + 1.2815515655446004 * 1.2815515655446004 / 4 / (trials * trials)
            )
        ) / (1 + 1.2815515655446004 * 1.2815515655446004 / trials)
    );
