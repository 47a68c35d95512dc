-- A number in [0, 1) that a text always gives: chance without a generator's state.
--
-- Reads lifts.
create or replace temp macro uniform_hash(salt, raw) as
    md5_number_lower(concat_ws('|', salt, raw)) / 18446744073709551616.0::double;

-- A table of attributions with what each label weighs: its own weight, times the lift of its search where that is known.
create or replace temp macro weighed(attributions) as table
    select
        labels.*,
        labels.label_weight * coalesce(lifts.share, 1) as weight
    from query_table(attributions) as labels
    left join lifts
        on
            labels.action = lifts.action
            and labels.action_domain = lifts.domain
            and (labels.target != 'unexposed') = lifts.is_exposed
            and labels.delay_hours >= lifts.from_hours
            and labels.delay_hours < lifts.to_hours;

-- Share of the words of two titles that are in both; each a list without repetitions.
create or replace temp macro jaccard(one, other) as
    len(list_intersect(one, other)) / nullif(len(one) + len(other) - len(list_intersect(one, other)), 0);
