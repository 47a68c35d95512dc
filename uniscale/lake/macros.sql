-- The rules that SQL of more than one part follows, each in this one place: dbt, ES3, the encoder and forgetting. Models of
-- dbt ask for them under the same names (dbt_project/macros/dialect.sql).

-- The one way a query is compared: lower case, single spaces, none at the ends; an empty one is no query.
create or replace macro memory.main.normalised_query(raw) as
    nullif(trim(regexp_replace(lower(raw), '\s+', ' ', 'g')), '');

-- The words of a text, in their order: runs of letters, digits and underscores in lower case.
create or replace macro memory.main.words(raw) as
    regexp_extract_all(lower(raw), '[\p{L}\p{M}\p{N}_]+');

-- The words of a text, each once.
create or replace macro memory.main.distinct_words(raw) as
    list_distinct(memory.main.words(raw));

-- What a user did outside the target domain's requests. A request that is not in the log has no domain: the action's own
-- decides, so that a native click never becomes evidence for another request.
create or replace macro memory.main.is_outside(request_id, request_domain, action_domain, target_domain) as
    request_id is null or coalesce(request_domain, action_domain) != target_domain;

-- What was paid, in the shop's currency; an unknown quantity is 1, an unknown price 0.
create or replace macro memory.main.action_value(quantity, unit_price) as
    coalesce(quantity, 1) * coalesce(unit_price, 0);

-- What a share is at least: the lower Wilson bound of successes / trials, z the normal quantile of the confidence.
create or replace macro memory.main.wilson_lower(successes, trials, z) as
    greatest(
        0,
        (
            successes / trials + z * z / 2 / trials
            - z * sqrt((successes / trials) * (1 - successes / trials) / trials + z * z / 4 / (trials * trials))
        ) / (1 + z * z / trials)
    );
