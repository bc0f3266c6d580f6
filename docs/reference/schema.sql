-- Written by `make schema` from the migrations; not by hand.

CREATE FUNCTION public.earning_check_awards() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
BEGIN
    PERFORM earning_raise('decision_equals_its_awards', d.id)
    FROM (SELECT DISTINCT decision_id FROM added) a
    JOIN earning_decision d ON d.id = a.decision_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS awards, max(n) AS last, sum(points) AS points,
            sum(taken) AS taken
        FROM earning_award w WHERE w.decision_id = d.id
    ) s
    WHERE s.points <> d.points OR s.last <> s.awards OR s.taken > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION public.earning_check_takings() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
BEGIN
    PERFORM earning_raise('award_equals_its_takings', a.decision_id)
    FROM (SELECT DISTINCT decision_id, n FROM touched) a
    JOIN earning_award w ON w.decision_id = a.decision_id AND w.n = a.n
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(points), 0) AS points, coalesce(max(in_all), 0) AS in_all
        FROM earning_taking t WHERE t.decision_id = w.decision_id AND t.n = w.n
    ) s
    WHERE s.points <> w.taken OR s.in_all <> w.taken;
    RETURN NULL;
END $$;

CREATE FUNCTION public.earning_raise(rule text, of uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'decision % breaks %', of, rule
        USING ERRCODE = 'check_violation', CONSTRAINT = rule;
END $$;

CREATE FUNCTION public.earning_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: that never changes', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME,
              HINT = 'Correct it by an adjustment of the account.';
END $$;

CREATE FUNCTION public.kernel_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: its rows never change', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME;
END $$;

CREATE FUNCTION public.ledger_check_chain() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
DECLARE
    bad record;
BEGIN
    SELECT e.account_id, e.sequence, CASE
        WHEN e.sequence > 1 AND coalesce(e.before_sequence, p.sequence) IS NULL
             OR e.before_sequence <> e.sequence - 1
            THEN 'entry_sequence_gapless'
        WHEN e.balance <> coalesce(e.before_balance, p.balance, 0) + e.available
          OR e.pending_after
             <> coalesce(e.before_pending, p.pending_after, 0) + e.pending
          OR e.reserved_after
             <> coalesce(e.before_reserved, p.reserved_after, 0) + e.reserved
          OR e.lifetime_after
             <> coalesce(e.before_lifetime, p.lifetime_after, 0)
                + CASE e.type WHEN 'earn' THEN e.available + e.pending + e.reserved
                  ELSE 0 END
            THEN 'entry_numbers_chain'
        WHEN e.effective_at < coalesce(e.before_effective, p.effective_at)
            THEN 'entry_time_never_goes_back'
        ELSE 'account_equals_last_entry'
        END AS rule
    INTO bad
    FROM (
        SELECT a.*,
            lag(sequence) OVER w AS before_sequence,
            lag(balance) OVER w AS before_balance,
            lag(pending_after) OVER w AS before_pending,
            lag(reserved_after) OVER w AS before_reserved,
            lag(lifetime_after) OVER w AS before_lifetime,
            lag(effective_at) OVER w AS before_effective,
            lead(sequence) OVER w AS following
        FROM added a
        WINDOW w AS (PARTITION BY account_id ORDER BY sequence)
    ) e
    LEFT JOIN ledger_entry p
        ON e.before_sequence IS NULL
        AND p.account_id = e.account_id AND p.sequence = e.sequence - 1
    LEFT JOIN ledger_account c ON e.following IS NULL AND c.id = e.account_id
    WHERE e.sequence > 1 AND coalesce(e.before_sequence, p.sequence) IS NULL
        OR e.before_sequence <> e.sequence - 1
        OR e.balance <> coalesce(e.before_balance, p.balance, 0) + e.available
        OR e.pending_after <> coalesce(e.before_pending, p.pending_after, 0) + e.pending
        OR e.reserved_after
           <> coalesce(e.before_reserved, p.reserved_after, 0) + e.reserved
        OR e.lifetime_after
           <> coalesce(e.before_lifetime, p.lifetime_after, 0)
              + CASE e.type WHEN 'earn' THEN e.available + e.pending + e.reserved
                ELSE 0 END
        OR e.effective_at < coalesce(e.before_effective, p.effective_at)
        OR e.following IS NULL AND (
            c.id IS NULL
            OR c.last_sequence <> e.sequence
            OR c.available <> e.balance
            OR c.pending <> e.pending_after
            OR c.reserved <> e.reserved_after
            OR c.lifetime <> e.lifetime_after
            OR c.effective_at IS DISTINCT FROM e.effective_at
            OR c.hash <> e.hash)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry %/% breaks %', bad.account_id, bad.sequence, bad.rule
            USING ERRCODE = 'check_violation', CONSTRAINT = bad.rule,
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.ledger_check_owner() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a
        LEFT JOIN ledger_entry e USING (account_id, sequence)
        WHERE e.account_id IS NULL
    ) THEN
        RAISE EXCEPTION '% without its entry', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_ARGV[0],
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE TABLE public.ledger_lot (
    account_id uuid NOT NULL,
    sequence bigint NOT NULL,
    n integer NOT NULL,
    root bigint NOT NULL,
    credited bigint NOT NULL,
    validity character varying(40),
    available_at timestamp with time zone,
    expires_at timestamp with time zone,
    activated_by bigint,
    remaining bigint NOT NULL,
    lapsed bigint DEFAULT 0 NOT NULL,
    state character varying(9) NOT NULL,
    open boolean NOT NULL,
    CONSTRAINT lot_open_means_state_open CHECK (((open AND (remaining > 0) AND ((state)::text = 'open'::text)) OR ((NOT open) AND (remaining > 0) AND ((state)::text = 'pending'::text)) OR ((NOT open) AND (remaining = 0) AND ((state)::text = ANY ((ARRAY['spent'::character varying, 'lapsed'::character varying, 'cancelled'::character varying])::text[]))))),
    CONSTRAINT lot_remaining_within_credited CHECK (((remaining >= 0) AND (lapsed >= 0) AND (credited > 0) AND (remaining <= (credited - lapsed)))),
    CONSTRAINT lot_state_is_known CHECK (((state)::text = ANY ((ARRAY['pending'::character varying, 'open'::character varying, 'spent'::character varying, 'lapsed'::character varying, 'cancelled'::character varying])::text[])))
)
WITH (fillfactor='80');

CREATE FUNCTION public.ledger_needed_lots(accounts uuid[], until timestamp with time zone[], need bigint[]) RETURNS SETOF public.ledger_lot
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    found ledger_lot;
    seen bigint;
BEGIN
    FOR i IN 1 .. coalesce(array_length(accounts, 1), 0) LOOP
        seen := 0;
        FOR found IN
            SELECT * FROM ledger_lot l
            WHERE l.account_id = accounts[i] AND l.open
            ORDER BY l.expires_at, l.sequence, l.n
        LOOP
            RETURN NEXT found;
            IF found.expires_at IS NULL OR found.expires_at > until[i] THEN
                EXIT WHEN seen >= need[i];
                seen := seen + found.remaining;
            END IF;
        END LOOP;
        FOR found IN
            SELECT * FROM ledger_lot l
            WHERE l.account_id = accounts[i] AND l.state = 'pending'
                AND l.available_at IS NOT NULL
            ORDER BY l.available_at, l.sequence, l.n
        LOOP
            RETURN NEXT found;
            EXIT WHEN found.available_at > until[i];
        END LOOP;
    END LOOP;
END $$;

CREATE FUNCTION public.ledger_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: its rows never change', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME,
              HINT = 'Correct it with another command: refund, reverse or adjust.';
END $$;

CREATE FUNCTION public.ledger_spends_since(accounts uuid[], since timestamp with time zone[]) RETURNS TABLE(account_id uuid, effective_at timestamp with time zone, points bigint)
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
DECLARE
    found record;
BEGIN
    FOR i IN 1 .. coalesce(array_length(accounts, 1), 0) LOOP
        FOR found IN
            SELECT e.type, e.effective_at, e.available FROM ledger_entry e
            WHERE e.account_id = accounts[i]
            ORDER BY e.account_id DESC, e.sequence DESC
        LOOP
            EXIT WHEN found.effective_at < since[i];
            IF found.type IN ('redeem', 'reserve', 'capture', 'void', 'transfer_out')
            THEN
                account_id := accounts[i];
                effective_at := found.effective_at;
                points := -found.available;
                RETURN NEXT;
            END IF;
        END LOOP;
    END LOOP;
END $$;

CREATE FUNCTION public.orders_check_lines() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
BEGIN
    PERFORM orders_raise('order_equals_its_lines', o.id)
    FROM (SELECT DISTINCT order_id FROM added) a
    JOIN orders_order o ON o.id = a.order_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS lines, max(n) AS last,
            sum(amount + CASE WHEN o.tax_included THEN 0 ELSE tax END) AS paid,
            sum(returned_quantity + returned_amount + returned_tax) AS returned
        FROM orders_line l WHERE l.order_id = o.id
    ) s
    WHERE s.lines <> o.line_count OR s.last <> o.line_count
        OR s.paid + o.shipping <> o.total OR s.returned > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION public.orders_check_paid() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
BEGIN
    PERFORM orders_raise('order_paid_has_tenders', o.id)
    FROM added o
    WHERE o.times_paid > 0 AND o.total > 0 AND (
        SELECT count(*) FROM orders_tender t WHERE t.order_id = o.id AND t.n = 1) = 0;
    RETURN NULL;
END $$;

CREATE FUNCTION public.orders_check_returned_lines() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
BEGIN
    PERFORM orders_raise('line_equals_its_returns', a.order_id)
    FROM (SELECT DISTINCT order_id, n FROM added) a
    LEFT JOIN orders_line l ON l.order_id = a.order_id AND l.n = a.n
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(quantity), 0) AS quantity, coalesce(sum(amount), 0) AS amount,
            coalesce(sum(tax), 0) AS tax
        FROM orders_return_line r WHERE r.order_id = a.order_id AND r.n = a.n
    ) s
    WHERE (l.returned_quantity, l.returned_amount, l.returned_tax)
        IS DISTINCT FROM (s.quantity, s.amount, s.tax);
    RETURN NULL;
END $$;

CREATE FUNCTION public.orders_check_returned_tenders() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
BEGIN
    PERFORM orders_raise('tender_equals_its_returns', a.order_id)
    FROM (SELECT DISTINCT order_id, n FROM added) a
    LEFT JOIN orders_tender t ON t.order_id = a.order_id AND t.n = a.n
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS amount
        FROM orders_return_tender r WHERE r.order_id = a.order_id AND r.n = a.n
    ) s
    WHERE t.returned IS DISTINCT FROM s.amount;
    RETURN NULL;
END $$;

CREATE FUNCTION public.orders_check_returns() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
DECLARE
    touched uuid[];
BEGIN
    IF TG_TABLE_NAME = 'orders_order' THEN
        touched := ARRAY(SELECT id FROM added);
    ELSE
        touched := ARRAY(SELECT DISTINCT order_id FROM added);
    END IF;
    PERFORM orders_raise('order_equals_its_returns', o.id)
    FROM unnest(touched) AS a (id)
    JOIN orders_order o ON o.id = a.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS returns, coalesce(max(n), 0) AS last,
            coalesce(sum(amount), 0) AS amount, coalesce(sum(shipping), 0) AS shipping
        FROM orders_return r WHERE r.order_id = o.id
    ) r
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount + CASE WHEN o.tax_included THEN 0 ELSE tax END), 0)
            AS amount
        FROM orders_return_line l WHERE l.order_id = o.id
    ) l
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS amount
        FROM orders_return_tender t WHERE t.order_id = o.id
    ) t
    WHERE (o.returns, o.returns, o.returned_amount, o.returned_shipping)
            <> (r.returns, r.last, r.amount, r.shipping)
        OR l.amount + r.shipping <> r.amount OR t.amount <> r.amount;
    RETURN NULL;
END $$;

CREATE FUNCTION public.orders_check_start() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
BEGIN
    PERFORM orders_raise('order_starts_whole', o.id)
    FROM added o
    WHERE o.status NOT IN ('open', 'paid') OR o.returned_amount > 0
        OR (SELECT count(*) FROM orders_line l WHERE l.order_id = o.id AND l.n = 1) = 0;
    RETURN NULL;
END $$;

CREATE FUNCTION public.orders_check_tenders() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
BEGIN
    PERFORM orders_raise('order_equals_its_tenders', o.id)
    FROM (SELECT DISTINCT order_id FROM added) a
    JOIN orders_order o ON o.id = a.order_id
    CROSS JOIN LATERAL (
        SELECT sum(amount) AS paid, sum(returned) AS returned
        FROM orders_tender t WHERE t.order_id = o.id
    ) s
    WHERE s.paid <> o.total OR s.returned > 0;
    RETURN NULL;
END $$;

CREATE FUNCTION public.orders_raise(rule text, of uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'order % breaks %', of, rule
        USING ERRCODE = 'check_violation', CONSTRAINT = rule;
END $$;

CREATE FUNCTION public.orders_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: that never changes', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME,
              HINT = 'Correct it by a return, or cancel the order.';
END $$;

CREATE FUNCTION public.programs_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: its rows never change', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_ARGV[0],
              TABLE = TG_TABLE_NAME;
END $$;

CREATE TABLE public.access_api_key (
    id uuid NOT NULL,
    name character varying(200) NOT NULL,
    prefix character varying(8) NOT NULL,
    last4 character varying(4) NOT NULL,
    hash bytea NOT NULL,
    scopes character varying(40)[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    program_id uuid NOT NULL,
    last_used_at timestamp with time zone,
    networks character varying(43)[] NOT NULL,
    previous_hash bytea,
    previous_until timestamp with time zone,
    public character varying(60),
    rotated_at timestamp with time zone,
    CONSTRAINT api_key_publishable_reads_the_program_alone CHECK (((NOT ((prefix)::text ~~ 'pk\_%'::text)) OR (scopes = ARRAY['program:read'::character varying(40)]))),
    CONSTRAINT api_key_shows_publishable_ones_alone CHECK (((public IS NULL) OR ((prefix)::text ~~ 'pk\_%'::text)))
);

CREATE TABLE public.access_attempts (
    subject bytea NOT NULL,
    taken integer NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    CONSTRAINT attempts_are_not_negative CHECK ((taken >= 0))
);

CREATE TABLE public.access_link (
    id uuid NOT NULL,
    purpose character varying(14) NOT NULL,
    hash bytea NOT NULL,
    email character varying(254) NOT NULL,
    name character varying(200) NOT NULL,
    language character varying(35) NOT NULL,
    password character varying(128) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    program_id uuid,
    user_id uuid,
    CONSTRAINT link_of_an_invitation_is_somebodys CHECK (((NOT ((purpose)::text = 'invitation'::text)) OR (user_id IS NOT NULL)))
);

CREATE TABLE public.access_membership (
    id uuid NOT NULL,
    role character varying(7) NOT NULL,
    name character varying(200) NOT NULL,
    member uuid,
    adjust_limit bigint,
    created_at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone,
    disabled_at timestamp with time zone,
    removed_at timestamp with time zone,
    program_id uuid NOT NULL,
    user_id uuid NOT NULL,
    CONSTRAINT membership_adjust_limit_of_support CHECK ((((adjust_limit >= 0) AND (adjust_limit IS NOT NULL) AND ((role)::text = 'support'::text)) OR ((NOT ((role)::text = 'support'::text)) AND (adjust_limit IS NULL)))),
    CONSTRAINT membership_member_only_of_members CHECK (((member IS NULL) OR ((role)::text = 'member'::text))),
    CONSTRAINT membership_role_is_known CHECK ((((role)::text = ANY ((ARRAY['member'::character varying, 'cashier'::character varying, 'support'::character varying, 'analyst'::character varying])::text[])) OR ((role)::text = 'admin'::text)))
);

CREATE TABLE public.access_membership_place (
    id uuid NOT NULL,
    membership_id uuid NOT NULL,
    place_id uuid NOT NULL
);

CREATE TABLE public.access_session (
    id uuid NOT NULL,
    token uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    refreshed_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    membership_id uuid NOT NULL,
    CONSTRAINT session_ends_after_it_began CHECK ((expires_at > created_at))
);

CREATE TABLE public.access_user (
    password character varying(128) NOT NULL,
    last_login timestamp with time zone,
    id uuid NOT NULL,
    email character varying(254) NOT NULL,
    name character varying(200) NOT NULL,
    language character varying(35) NOT NULL,
    email_verified_at timestamp with time zone,
    disabled_at timestamp with time zone,
    token_version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT user_email_is_in_small_letters CHECK (((email)::text ~ '^[^A-Z\s]+@[^A-Z\s]+$'::text))
);

CREATE TABLE public.auth_group (
    id integer NOT NULL,
    name character varying(150) NOT NULL
);

ALTER TABLE public.auth_group ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_group_permissions (
    id bigint NOT NULL,
    group_id integer NOT NULL,
    permission_id integer NOT NULL
);

ALTER TABLE public.auth_group_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_permission (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    content_type_id integer NOT NULL,
    codename character varying(100) NOT NULL
);

ALTER TABLE public.auth_permission ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_permission_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_celery_beat_clockedschedule (
    id integer NOT NULL,
    clocked_time timestamp with time zone NOT NULL
);

ALTER TABLE public.django_celery_beat_clockedschedule ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_celery_beat_clockedschedule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_celery_beat_crontabschedule (
    id integer NOT NULL,
    minute character varying(240) NOT NULL,
    hour character varying(96) NOT NULL,
    day_of_week character varying(64) NOT NULL,
    day_of_month character varying(124) NOT NULL,
    month_of_year character varying(64) NOT NULL,
    timezone character varying(63) NOT NULL
);

ALTER TABLE public.django_celery_beat_crontabschedule ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_celery_beat_crontabschedule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_celery_beat_intervalschedule (
    id integer NOT NULL,
    every integer NOT NULL,
    period character varying(24) NOT NULL
);

ALTER TABLE public.django_celery_beat_intervalschedule ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_celery_beat_intervalschedule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_celery_beat_periodictask (
    id integer NOT NULL,
    name character varying(200) NOT NULL,
    task character varying(200) NOT NULL,
    args text NOT NULL,
    kwargs text NOT NULL,
    queue character varying(200),
    exchange character varying(200),
    routing_key character varying(200),
    expires timestamp with time zone,
    enabled boolean NOT NULL,
    last_run_at timestamp with time zone,
    total_run_count integer NOT NULL,
    date_changed timestamp with time zone NOT NULL,
    description text NOT NULL,
    crontab_id integer,
    interval_id integer,
    solar_id integer,
    one_off boolean NOT NULL,
    start_time timestamp with time zone,
    priority integer,
    headers text NOT NULL,
    clocked_id integer,
    expire_seconds integer,
    CONSTRAINT django_celery_beat_periodictask_expire_seconds_check CHECK ((expire_seconds >= 0)),
    CONSTRAINT django_celery_beat_periodictask_priority_check CHECK ((priority >= 0)),
    CONSTRAINT django_celery_beat_periodictask_total_run_count_check CHECK ((total_run_count >= 0))
);

ALTER TABLE public.django_celery_beat_periodictask ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_celery_beat_periodictask_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_celery_beat_periodictasks (
    ident smallint NOT NULL,
    last_update timestamp with time zone NOT NULL
);

CREATE TABLE public.django_celery_beat_solarschedule (
    id integer NOT NULL,
    event character varying(24) NOT NULL,
    latitude numeric(9,6) NOT NULL,
    longitude numeric(9,6) NOT NULL
);

ALTER TABLE public.django_celery_beat_solarschedule ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_celery_beat_solarschedule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_content_type (
    id integer NOT NULL,
    app_label character varying(100) NOT NULL,
    model character varying(100) NOT NULL
);

ALTER TABLE public.django_content_type ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_content_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_migrations (
    id bigint NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);

ALTER TABLE public.django_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.earning_award (
    n integer NOT NULL,
    rule character varying(63) NOT NULL,
    points bigint NOT NULL,
    detail jsonb NOT NULL,
    account_id uuid,
    sequence bigint,
    refusal character varying(40),
    taken bigint DEFAULT 0 NOT NULL,
    decision_id uuid NOT NULL,
    CONSTRAINT award_has_an_entry_or_a_refusal CHECK ((((account_id IS NOT NULL) AND (refusal IS NULL) AND (sequence IS NOT NULL)) OR ((account_id IS NULL) AND (refusal IS NOT NULL) AND (sequence IS NULL)))),
    CONSTRAINT award_taken_within_points CHECK (((n >= 1) AND (taken >= 0) AND (taken <= points)))
)
WITH (fillfactor='90');

CREATE TABLE public.earning_counter (
    id bigint NOT NULL,
    rule character varying(63) NOT NULL,
    per character varying(6) NOT NULL,
    starts_at timestamp with time zone,
    points bigint NOT NULL,
    times bigint NOT NULL,
    counted bigint NOT NULL,
    last_at timestamp with time zone,
    member_id uuid,
    program_id uuid NOT NULL,
    CONSTRAINT counter_of_all_is_a_budget CHECK ((((member_id IS NULL) AND ((per)::text = 'budget'::text)) OR ((member_id IS NOT NULL) AND (NOT ((per)::text = 'budget'::text))))),
    CONSTRAINT counter_within_range CHECK (((counted >= 0) AND (points >= 0) AND (times >= 0)))
)
WITH (fillfactor='80');

ALTER TABLE public.earning_counter ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.earning_counter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.earning_decision (
    id uuid NOT NULL,
    payment integer NOT NULL,
    version integer,
    occurred_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    points bigint NOT NULL,
    looked_at jsonb NOT NULL,
    uses jsonb NOT NULL,
    inputs jsonb NOT NULL,
    activity_id uuid,
    member_id uuid NOT NULL,
    order_id uuid,
    program_id uuid NOT NULL,
    CONSTRAINT decision_is_of_one_thing CHECK ((((activity_id IS NULL) AND (order_id IS NOT NULL)) OR ((activity_id IS NOT NULL) AND (order_id IS NULL) AND (payment = 1)))),
    CONSTRAINT decision_numbers_within_range CHECK (((payment >= 1) AND (points >= 0)))
);

CREATE TABLE public.earning_taking (
    n integer NOT NULL,
    in_all bigint NOT NULL,
    points bigint NOT NULL,
    reason character varying(10) NOT NULL,
    account_id uuid,
    sequence bigint,
    taken_at timestamp with time zone NOT NULL,
    decision_id uuid NOT NULL,
    returned_id uuid,
    CONSTRAINT taking_adds_up CHECK (((points >= 1) AND (in_all >= points))),
    CONSTRAINT taking_entry_is_whole CHECK ((((account_id IS NULL) AND (sequence IS NULL)) OR ((account_id IS NOT NULL) AND (sequence IS NOT NULL)))),
    CONSTRAINT taking_reason_is_known CHECK (((reason)::text = ANY ((ARRAY['returned'::character varying, 'cancelled'::character varying, 'reopened'::character varying])::text[])))
);

CREATE TABLE public.kernel_audit (
    id uuid NOT NULL,
    program_id uuid,
    actor character varying(60) NOT NULL,
    action character varying(60) NOT NULL,
    target character varying(80) NOT NULL,
    fields jsonb NOT NULL,
    request_id character varying(128),
    at timestamp with time zone NOT NULL,
    CONSTRAINT audit_action_is_dotted CHECK (((action)::text ~ '^[a-z_]+\.[a-z_]+$'::text)),
    CONSTRAINT audit_has_a_target CHECK ((NOT ((target)::text = ''::text))),
    CONSTRAINT audit_has_an_actor CHECK ((NOT ((actor)::text = ''::text)))
);

CREATE TABLE public.kernel_event (
    program_id uuid NOT NULL,
    "position" bigint NOT NULL,
    id uuid NOT NULL,
    type character varying(60) NOT NULL,
    account_id uuid,
    sequence bigint,
    member_id uuid,
    data jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    request_id character varying(128),
    appended_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT event_position_positive CHECK (("position" > 0)),
    CONSTRAINT event_type_is_dotted CHECK (((type)::text ~ '^[a-z_]+\.[a-z_]+$'::text))
);

CREATE TABLE public.kernel_job (
    id uuid NOT NULL,
    program_id uuid NOT NULL,
    kind character varying(40) NOT NULL,
    status character varying(20) NOT NULL,
    options jsonb NOT NULL,
    actor character varying(60) NOT NULL,
    request_id character varying(128),
    asked_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    attempt integer NOT NULL,
    fruitless smallint NOT NULL,
    rows_total bigint,
    rows_done bigint NOT NULL,
    tally jsonb NOT NULL,
    failure jsonb,
    input_digest bytea,
    result_bytes bigint,
    CONSTRAINT job_does_no_more_than_there_is CHECK (((rows_done >= 0) AND ((rows_total IS NULL) OR (rows_total >= rows_done)))),
    CONSTRAINT job_has_ended_when_it_has CHECK ((((ended_at IS NOT NULL) AND ((status)::text = ANY ((ARRAY['succeeded'::character varying, 'failed'::character varying, 'cancelled'::character varying])::text[]))) OR ((ended_at IS NULL) AND ((status)::text = ANY ((ARRAY['awaiting_file'::character varying, 'queued'::character varying, 'running'::character varying])::text[]))))),
    CONSTRAINT job_says_why_it_failed CHECK ((((failure IS NOT NULL) AND ((status)::text = 'failed'::text)) OR ((NOT ((status)::text = 'failed'::text)) AND (failure IS NULL)))),
    CONSTRAINT job_status_is_known CHECK (((status)::text = ANY ((ARRAY['awaiting_file'::character varying, 'queued'::character varying, 'running'::character varying, 'succeeded'::character varying, 'failed'::character varying, 'cancelled'::character varying])::text[])))
);

CREATE TABLE public.kernel_job_fault (
    line bigint NOT NULL,
    "column" text NOT NULL,
    reason text NOT NULL,
    value text NOT NULL,
    job_id uuid NOT NULL
);

CREATE TABLE public.kernel_job_file (
    part character varying(10) NOT NULL,
    n integer NOT NULL,
    content bytea NOT NULL,
    job_id uuid NOT NULL,
    CONSTRAINT job_file_is_of_a_known_part CHECK (((part)::text = ANY ((ARRAY['input'::character varying, 'result'::character varying])::text[])))
);

CREATE TABLE public.kernel_kept_answer (
    scope bytea NOT NULL,
    program_id uuid NOT NULL,
    fingerprint bytea,
    status smallint NOT NULL,
    headers jsonb NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT kept_answer_is_kept_a_while CHECK ((expires_at > created_at)),
    CONSTRAINT kept_answer_is_not_of_the_server_s_failure CHECK (((status >= 200) AND (status < 500)))
);

CREATE TABLE public.kernel_outbox (
    n bigint NOT NULL,
    event_id uuid NOT NULL,
    program_id uuid NOT NULL,
    type character varying(60) NOT NULL,
    member_id uuid,
    account_id uuid,
    after_sequence bigint,
    data jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    request_id character varying(128),
    CONSTRAINT announced_of_an_account_after_an_entry CHECK ((((account_id IS NULL) AND (after_sequence IS NULL)) OR ((account_id IS NOT NULL) AND (after_sequence IS NOT NULL)))),
    CONSTRAINT announced_type_is_dotted CHECK (((type)::text ~ '^[a-z_]+\.[a-z_]+$'::text))
);

ALTER TABLE public.kernel_outbox ALTER COLUMN n ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.kernel_outbox_n_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.kernel_reading (
    name character varying(60) NOT NULL,
    subject character varying(200) NOT NULL,
    value bigint NOT NULL,
    read_at timestamp with time zone NOT NULL
);

CREATE TABLE public.kernel_told (
    account_id uuid NOT NULL,
    last_sequence bigint NOT NULL,
    CONSTRAINT told_sequence_positive CHECK ((last_sequence > 0))
);

CREATE TABLE public.ledger_account (
    id uuid NOT NULL,
    holder_kind character varying(20) NOT NULL,
    holder_id uuid NOT NULL,
    available bigint DEFAULT 0 NOT NULL,
    pending bigint DEFAULT 0 NOT NULL,
    reserved bigint DEFAULT 0 NOT NULL,
    lifetime bigint DEFAULT 0 NOT NULL,
    last_sequence bigint DEFAULT 0 NOT NULL,
    status character varying(6) DEFAULT 'open'::character varying NOT NULL,
    effective_at timestamp with time zone,
    hash bytea DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea NOT NULL,
    next_due_at timestamp with time zone,
    opened_at timestamp with time zone NOT NULL,
    wallet_id uuid NOT NULL,
    active_at timestamp with time zone,
    CONSTRAINT account_closed_only_when_empty CHECK (((NOT ((status)::text = 'closed'::text)) OR ((available = 0) AND (pending = 0) AND (reserved = 0)))),
    CONSTRAINT account_pending_not_negative CHECK ((pending >= 0)),
    CONSTRAINT account_reserved_not_negative CHECK ((reserved >= 0)),
    CONSTRAINT account_status_is_known CHECK (((status)::text = ANY ((ARRAY['open'::character varying, 'frozen'::character varying, 'closed'::character varying])::text[])))
)
WITH (fillfactor='70');

CREATE TABLE public.ledger_account_holder (
    holder_kind character varying(20) NOT NULL,
    holder_id uuid NOT NULL,
    account_id uuid NOT NULL,
    wallet_id uuid NOT NULL
);

CREATE TABLE public.ledger_allocation (
    account_id uuid NOT NULL,
    sequence bigint NOT NULL,
    n integer NOT NULL,
    lot_sequence bigint NOT NULL,
    lot_n integer NOT NULL,
    points bigint NOT NULL,
    CONSTRAINT allocation_points_not_zero CHECK ((NOT (points = 0)))
);

CREATE TABLE public.ledger_entry (
    account_id uuid NOT NULL,
    sequence bigint NOT NULL,
    type character varying(12) NOT NULL,
    source character varying(10) NOT NULL,
    amount bigint NOT NULL,
    available bigint NOT NULL,
    pending bigint NOT NULL,
    reserved bigint NOT NULL,
    balance bigint NOT NULL,
    pending_after bigint NOT NULL,
    reserved_after bigint NOT NULL,
    lifetime_after bigint NOT NULL,
    key character varying(200),
    fingerprint bytea,
    reference_type character varying(40),
    reference_id character varying(200),
    relates_to bigint,
    transfer_id uuid,
    other_account_id uuid,
    other_sequence bigint,
    referred_member_id uuid,
    description text NOT NULL,
    metadata json NOT NULL,
    available_at timestamp with time zone,
    expires_at timestamp with time zone,
    validity character varying(40),
    effective_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    actor character varying(200) NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT entry_amount_positive CHECK ((amount > 0)),
    CONSTRAINT entry_deltas_fit_its_type CHECK (
CASE
    WHEN ((type)::text = 'earn'::text) THEN ((reserved = 0) AND (((available = amount) AND (pending = 0)) OR ((available = 0) AND (pending = amount))))
    WHEN ((type)::text = ANY ((ARRAY['redeem'::character varying, 'transfer_out'::character varying, 'expire'::character varying])::text[])) THEN ((available = (- amount)) AND (pending = 0) AND (reserved = 0))
    WHEN ((type)::text = ANY ((ARRAY['refund'::character varying, 'transfer_in'::character varying])::text[])) THEN ((available = amount) AND (pending = 0) AND (reserved = 0))
    WHEN ((type)::text = 'reserve'::text) THEN ((available = (- amount)) AND (pending = 0) AND (reserved = amount))
    WHEN ((type)::text = 'capture'::text) THEN ((available = ((- reserved) - amount)) AND (available >= 0) AND (pending = 0))
    WHEN ((type)::text = 'void'::text) THEN ((available = amount) AND (pending = 0) AND (reserved = (- amount)))
    WHEN ((type)::text = ANY ((ARRAY['release'::character varying, 'activate'::character varying])::text[])) THEN ((available = amount) AND (pending = (- amount)) AND (reserved = 0))
    WHEN ((type)::text = 'cancel'::text) THEN ((available = 0) AND (pending = (- amount)) AND (reserved = 0))
    WHEN ((type)::text = 'reverse'::text) THEN ((available <= 0) AND (pending <= 0) AND (reserved = 0) AND (((- available) - pending) <= amount))
    ELSE ((abs(available) <= amount) AND (pending = 0) AND (reserved = 0))
END),
    CONSTRAINT entry_key_has_fingerprint CHECK (((key IS NULL) OR (fingerprint IS NOT NULL))),
    CONSTRAINT entry_names_what_its_type_needs CHECK (
CASE
    WHEN ((type)::text = 'reserve'::text) THEN (expires_at IS NOT NULL)
    WHEN ((type)::text = ANY ((ARRAY['transfer_out'::character varying, 'transfer_in'::character varying])::text[])) THEN ((transfer_id IS NOT NULL) AND (other_account_id IS NOT NULL) AND (other_sequence IS NOT NULL) AND (other_account_id <> account_id))
    WHEN ((type)::text = ANY ((ARRAY['capture'::character varying, 'void'::character varying, 'refund'::character varying, 'reverse'::character varying, 'activate'::character varying, 'cancel'::character varying, 'release'::character varying])::text[])) THEN ((relates_to < sequence) AND (relates_to IS NOT NULL))
    ELSE (transfer_id IS NULL)
END),
    CONSTRAINT entry_numbers_in_range CHECK (((pending_after >= 0) AND (reserved_after >= 0) AND (lifetime_after >= 0) AND (lifetime_after <= '9007199254740991'::bigint))),
    CONSTRAINT entry_sequence_positive CHECK ((sequence > 0)),
    CONSTRAINT entry_source_is_known CHECK (((source)::text = ANY ((ARRAY['purchase'::character varying, 'referral'::character varying, 'bonus'::character varying, 'admin'::character varying, 'redemption'::character varying, 'transfer'::character varying, 'topup'::character varying, 'system'::character varying])::text[]))),
    CONSTRAINT entry_spend_within_balance CHECK (((NOT ((type)::text = ANY ((ARRAY['redeem'::character varying, 'reserve'::character varying, 'transfer_out'::character varying])::text[]))) OR (balance >= 0))),
    CONSTRAINT entry_total_within_range CHECK ((((abs(balance) + pending_after) + reserved_after) <= '9007199254740991'::bigint)),
    CONSTRAINT entry_type_is_known CHECK (((type)::text = ANY ((ARRAY['earn'::character varying, 'redeem'::character varying, 'reserve'::character varying, 'capture'::character varying, 'void'::character varying, 'refund'::character varying, 'reverse'::character varying, 'adjust'::character varying, 'transfer_out'::character varying, 'transfer_in'::character varying, 'activate'::character varying, 'cancel'::character varying, 'release'::character varying, 'expire'::character varying])::text[])))
);

CREATE TABLE public.ledger_hold (
    account_id uuid NOT NULL,
    sequence bigint NOT NULL,
    points bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    open boolean NOT NULL,
    resolved_by bigint,
    CONSTRAINT hold_open_until_resolved CHECK (((open AND (resolved_by IS NULL)) OR ((NOT open) AND (resolved_by IS NOT NULL)))),
    CONSTRAINT hold_points_positive CHECK ((points > 0))
)
WITH (fillfactor='80');

CREATE TABLE public.ledger_outbox (
    account_id uuid NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    recorded_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    relayed_at timestamp with time zone,
    request_id character varying(128),
    CONSTRAINT outbox_range_is_ordered CHECK ((last_sequence >= first_sequence))
);

CREATE TABLE public.ledger_refusal (
    account_id uuid NOT NULL,
    key character varying(200) NOT NULL,
    fingerprint bytea NOT NULL,
    code character varying(40) NOT NULL,
    details json NOT NULL,
    sequence bigint NOT NULL,
    decided_at timestamp with time zone NOT NULL
);

CREATE TABLE public.members_member (
    id uuid NOT NULL,
    external_id character varying(200) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    program_id uuid NOT NULL,
    erased_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT member_erased_after_it_was_made CHECK (((erased_at IS NULL) OR (erased_at >= created_at))),
    CONSTRAINT member_external_id_is_not_empty CHECK ((NOT ((external_id)::text = ''::text))),
    CONSTRAINT member_version_counts_from_one CHECK ((version >= 1))
);

CREATE TABLE public.members_person (
    member_id uuid NOT NULL,
    email character varying(254),
    phone character varying(16),
    given_name character varying(200),
    family_name character varying(200),
    birth_date date,
    language character varying(35),
    address jsonb,
    attributes json NOT NULL,
    tags character varying(50)[] NOT NULL,
    consents jsonb NOT NULL,
    program_id uuid NOT NULL
);

CREATE TABLE public.orders_activity (
    id uuid NOT NULL,
    external_id character varying(200) NOT NULL,
    fingerprint bytea NOT NULL,
    type character varying(40) NOT NULL,
    facts jsonb NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    member_id uuid NOT NULL,
    place_id uuid,
    program_id uuid NOT NULL,
    CONSTRAINT activity_external_id_is_not_empty CHECK ((NOT ((external_id)::text = ''::text))),
    CONSTRAINT activity_type_is_a_word CHECK (((type)::text ~ '^[a-z][a-z0-9_]*$'::text))
);

CREATE TABLE public.orders_line (
    n integer NOT NULL,
    sku character varying(200),
    name character varying(200),
    category character varying(200),
    brand character varying(200),
    quantity bigint NOT NULL,
    unit_price bigint NOT NULL,
    discount bigint NOT NULL,
    shared_discount bigint NOT NULL,
    tax bigint NOT NULL,
    amount bigint NOT NULL,
    returned_quantity bigint DEFAULT 0 NOT NULL,
    returned_amount bigint DEFAULT 0 NOT NULL,
    returned_tax bigint DEFAULT 0 NOT NULL,
    repriced_quantity bigint DEFAULT 0 NOT NULL,
    repriced_amount bigint DEFAULT 0 NOT NULL,
    order_id uuid NOT NULL,
    CONSTRAINT line_amount_is_its_parts CHECK (((amount)::numeric = ((((quantity)::numeric * (unit_price)::numeric) - (discount)::numeric) - (shared_discount)::numeric))),
    CONSTRAINT line_amounts_within_range CHECK (((unit_price >= 0) AND (discount >= 0) AND (shared_discount >= 0) AND (tax >= 0) AND (tax <= '1000000000000000'::bigint) AND (amount >= 0) AND (amount <= '1000000000000000'::bigint))),
    CONSTRAINT line_counts_from_one CHECK (((n >= 1) AND (quantity >= 1))),
    CONSTRAINT line_returned_within_amount CHECK (((repriced_amount >= 0) AND (repriced_amount <= returned_amount) AND (returned_amount <= amount))),
    CONSTRAINT line_returned_within_quantity CHECK (((repriced_quantity >= 0) AND (repriced_quantity <= returned_quantity) AND (returned_quantity <= quantity))),
    CONSTRAINT line_returned_within_tax CHECK (((returned_tax >= 0) AND (returned_tax <= tax)))
)
WITH (fillfactor='90');

CREATE TABLE public.orders_order (
    id uuid NOT NULL,
    external_id character varying(200) NOT NULL,
    fingerprint bytea NOT NULL,
    status character varying(18) NOT NULL,
    currency character varying(3) NOT NULL,
    channel character varying(200),
    tax_included boolean NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    times_paid integer DEFAULT 0 NOT NULL,
    line_count integer NOT NULL,
    shipping bigint NOT NULL,
    total bigint NOT NULL,
    returns integer DEFAULT 0 NOT NULL,
    returned_shipping bigint DEFAULT 0 NOT NULL,
    returned_amount bigint DEFAULT 0 NOT NULL,
    member_id uuid NOT NULL,
    place_id uuid,
    program_id uuid NOT NULL,
    CONSTRAINT order_amounts_within_range CHECK (((shipping >= 0) AND (shipping <= total) AND (total <= '1000000000000000'::bigint))),
    CONSTRAINT order_currency_is_iso_4217 CHECK (((currency)::text ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT order_external_id_is_not_empty CHECK ((NOT ((external_id)::text = ''::text))),
    CONSTRAINT order_has_a_line CHECK ((line_count >= 1)),
    CONSTRAINT order_paid_has_its_instant CHECK ((((paid_at IS NULL) AND (times_paid = 0) AND ((status)::text = ANY ((ARRAY['open'::character varying, 'cancelled'::character varying])::text[]))) OR ((paid_at IS NOT NULL) AND (times_paid >= 1) AND (NOT ((status)::text = 'open'::text))))),
    CONSTRAINT order_returned_within_total CHECK (((returned_shipping >= 0) AND (returned_shipping <= shipping) AND (returned_amount >= 0) AND (returned_amount <= total))),
    CONSTRAINT order_returns_need_its_status CHECK ((((returns >= 1) AND ((status)::text = ANY ((ARRAY['partially_returned'::character varying, 'returned'::character varying])::text[]))) OR ((status)::text = 'cancelled'::text) OR ((NOT ((status)::text = ANY ((ARRAY['partially_returned'::character varying, 'returned'::character varying])::text[]))) AND (returns = 0)))),
    CONSTRAINT order_status_is_known CHECK (((status)::text = ANY ((ARRAY['open'::character varying, 'paid'::character varying, 'partially_returned'::character varying, 'returned'::character varying, 'cancelled'::character varying, 'reopened'::character varying])::text[])))
)
WITH (fillfactor='80');

CREATE TABLE public.orders_return (
    id uuid NOT NULL,
    n integer NOT NULL,
    external_id character varying(200) NOT NULL,
    fingerprint bytea NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    amount bigint NOT NULL,
    shipping bigint NOT NULL,
    order_id uuid NOT NULL,
    program_id uuid NOT NULL,
    refund character varying(9) DEFAULT 'none'::character varying NOT NULL,
    withheld boolean DEFAULT false NOT NULL,
    CONSTRAINT return_amounts_within_range CHECK (((n >= 1) AND (shipping >= 0) AND (amount >= shipping) AND (amount <= '1000000000000000'::bigint))),
    CONSTRAINT return_external_id_is_not_empty CHECK ((NOT ((external_id)::text = ''::text))),
    CONSTRAINT return_refund_is_known CHECK (((refund)::text = ANY ((ARRAY['none'::character varying, 'pending'::character varying, 'succeeded'::character varying, 'failed'::character varying])::text[]))),
    CONSTRAINT return_withheld_until_refunded CHECK (((NOT withheld) OR ((refund)::text = ANY ((ARRAY['pending'::character varying, 'failed'::character varying])::text[]))))
);

CREATE TABLE public.orders_return_line (
    n integer NOT NULL,
    return_n integer NOT NULL,
    quantity bigint NOT NULL,
    amount bigint NOT NULL,
    tax bigint NOT NULL,
    order_id uuid NOT NULL,
    CONSTRAINT return_line_brings_something_back CHECK (((amount >= 0) AND (quantity >= 0) AND (tax >= 0) AND ((quantity >= 1) OR (amount >= 1))))
);

CREATE TABLE public.orders_return_tender (
    n integer NOT NULL,
    return_n integer NOT NULL,
    amount bigint NOT NULL,
    order_id uuid NOT NULL,
    CONSTRAINT return_tender_gives_something_back CHECK ((amount >= 1))
);

CREATE TABLE public.orders_tender (
    n integer NOT NULL,
    kind character varying(12) NOT NULL,
    amount bigint NOT NULL,
    account_id uuid,
    sequence bigint,
    returned bigint DEFAULT 0 NOT NULL,
    order_id uuid NOT NULL,
    CONSTRAINT tender_amount_within_range CHECK (((amount >= 1) AND (amount <= '1000000000000000'::bigint) AND (n >= 1))),
    CONSTRAINT tender_entry_is_of_points CHECK ((((account_id IS NULL) AND (sequence IS NULL)) OR ((account_id IS NOT NULL) AND (sequence IS NOT NULL) AND ((kind)::text = 'points'::text) AND (sequence >= 1)))),
    CONSTRAINT tender_kind_is_known CHECK (((kind)::text = ANY ((ARRAY['bank'::character varying, 'card'::character varying, 'cash'::character varying, 'gift_card'::character varying, 'other'::character varying, 'points'::character varying, 'store_credit'::character varying, 'voucher'::character varying])::text[]))),
    CONSTRAINT tender_returned_within_amount CHECK (((returned >= 0) AND (returned <= amount)))
);

CREATE TABLE public.programs_configuration (
    version integer NOT NULL,
    effective_from timestamp with time zone NOT NULL,
    document jsonb NOT NULL,
    note character varying(200) NOT NULL,
    actor character varying(60) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    program_id uuid NOT NULL,
    CONSTRAINT configuration_version_positive CHECK ((version > 0))
);

CREATE TABLE public.programs_place (
    id uuid NOT NULL,
    code character varying(63) NOT NULL,
    name character varying(200) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    program_id uuid NOT NULL,
    CONSTRAINT place_code_is_a_slug CHECK (((code)::text ~ '^[a-z0-9]([-_]?[a-z0-9])*$'::text))
);

CREATE TABLE public.programs_program (
    id uuid NOT NULL,
    slug character varying(63) NOT NULL,
    name character varying(200) NOT NULL,
    mode character varying(4) NOT NULL,
    currency character varying(3) NOT NULL,
    time_zone character varying(64) NOT NULL,
    clock_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    self_registration boolean NOT NULL,
    CONSTRAINT program_clock_only_in_test CHECK (((clock_at IS NULL) OR ((mode)::text = 'test'::text))),
    CONSTRAINT program_currency_is_iso_4217 CHECK (((currency)::text ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT program_mode_is_known CHECK (((mode)::text = ANY ((ARRAY['live'::character varying, 'test'::character varying])::text[]))),
    CONSTRAINT program_slug_is_a_slug CHECK (((slug)::text ~ '^[a-z0-9](-?[a-z0-9])*$'::text))
);

CREATE TABLE public.programs_wallet (
    id uuid NOT NULL,
    code character varying(63) NOT NULL,
    name character varying(200) NOT NULL,
    scale smallint NOT NULL,
    pending_period character varying(40) NOT NULL,
    validity character varying(40),
    grace character varying(40) NOT NULL,
    debt_policy character varying(6) NOT NULL,
    hold_time_max character varying(40) NOT NULL,
    idle character varying(40),
    limit_per_command bigint,
    limit_per_day bigint,
    limit_per_month bigint,
    created_at timestamp with time zone NOT NULL,
    program_id uuid NOT NULL,
    CONSTRAINT wallet_code_is_a_slug CHECK (((code)::text ~ '^[a-z0-9]([-_]?[a-z0-9])*$'::text)),
    CONSTRAINT wallet_debt_policy_is_known CHECK (((debt_policy)::text = ANY ((ARRAY['debt'::character varying, 'cap'::character varying, 'refuse'::character varying])::text[]))),
    CONSTRAINT wallet_scale_in_range CHECK (((scale >= 0) AND (scale <= 9)))
);

ALTER TABLE ONLY public.access_api_key
    ADD CONSTRAINT access_api_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.access_attempts
    ADD CONSTRAINT access_attempts_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY public.access_link
    ADD CONSTRAINT access_link_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.access_membership
    ADD CONSTRAINT access_membership_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.access_membership_place
    ADD CONSTRAINT access_membership_place_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.access_session
    ADD CONSTRAINT access_session_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.access_user
    ADD CONSTRAINT access_user_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders_activity
    ADD CONSTRAINT activity_external_id_is_unique UNIQUE (program_id, external_id);

ALTER TABLE ONLY public.access_api_key
    ADD CONSTRAINT api_key_hash_is_unique UNIQUE (hash);

ALTER TABLE ONLY public.access_api_key
    ADD CONSTRAINT api_key_previous_hash_is_unique UNIQUE (previous_hash);

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_name_key UNIQUE (name);

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_permission_id_0cd325b0_uniq UNIQUE (group_id, permission_id);

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_codename_01ab375a_uniq UNIQUE (content_type_id, codename);

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.earning_counter
    ADD CONSTRAINT counter_is_one UNIQUE NULLS NOT DISTINCT (member_id, program_id, rule, per, starts_at);

ALTER TABLE ONLY public.earning_decision
    ADD CONSTRAINT decision_once_a_payment UNIQUE (order_id, payment);

ALTER TABLE ONLY public.earning_decision
    ADD CONSTRAINT decision_once_an_activity UNIQUE (activity_id);

ALTER TABLE ONLY public.django_celery_beat_clockedschedule
    ADD CONSTRAINT django_celery_beat_clockedschedule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_celery_beat_crontabschedule
    ADD CONSTRAINT django_celery_beat_crontabschedule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_celery_beat_intervalschedule
    ADD CONSTRAINT django_celery_beat_intervalschedule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_celery_beat_periodictask
    ADD CONSTRAINT django_celery_beat_periodictask_name_key UNIQUE (name);

ALTER TABLE ONLY public.django_celery_beat_periodictask
    ADD CONSTRAINT django_celery_beat_periodictask_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_celery_beat_periodictasks
    ADD CONSTRAINT django_celery_beat_periodictasks_pkey PRIMARY KEY (ident);

ALTER TABLE ONLY public.django_celery_beat_solarschedule
    ADD CONSTRAINT django_celery_beat_solar_event_latitude_longitude_ba64999a_uniq UNIQUE (event, latitude, longitude);

ALTER TABLE ONLY public.django_celery_beat_solarschedule
    ADD CONSTRAINT django_celery_beat_solarschedule_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_app_label_model_76bd3d3b_uniq UNIQUE (app_label, model);

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.earning_award
    ADD CONSTRAINT earning_award_pkey PRIMARY KEY (decision_id, n);

ALTER TABLE ONLY public.earning_counter
    ADD CONSTRAINT earning_counter_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.earning_decision
    ADD CONSTRAINT earning_decision_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.earning_taking
    ADD CONSTRAINT earning_taking_pkey PRIMARY KEY (decision_id, n, in_all);

ALTER TABLE ONLY public.kernel_event
    ADD CONSTRAINT event_id_is_unique UNIQUE (id);

ALTER TABLE ONLY public.kernel_audit
    ADD CONSTRAINT kernel_audit_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.kernel_event
    ADD CONSTRAINT kernel_event_pkey PRIMARY KEY (program_id, "position");

ALTER TABLE ONLY public.kernel_job_fault
    ADD CONSTRAINT kernel_job_fault_pkey PRIMARY KEY (job_id, line);

ALTER TABLE ONLY public.kernel_job_file
    ADD CONSTRAINT kernel_job_file_pkey PRIMARY KEY (job_id, part, n);

ALTER TABLE ONLY public.kernel_job
    ADD CONSTRAINT kernel_job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.kernel_kept_answer
    ADD CONSTRAINT kernel_kept_answer_pkey PRIMARY KEY (scope);

ALTER TABLE ONLY public.kernel_outbox
    ADD CONSTRAINT kernel_outbox_pkey PRIMARY KEY (n);

ALTER TABLE ONLY public.kernel_reading
    ADD CONSTRAINT kernel_reading_pkey PRIMARY KEY (name, subject);

ALTER TABLE ONLY public.kernel_told
    ADD CONSTRAINT kernel_told_pkey PRIMARY KEY (account_id);

ALTER TABLE ONLY public.ledger_account_holder
    ADD CONSTRAINT ledger_account_holder_pkey PRIMARY KEY (wallet_id, holder_kind, holder_id);

ALTER TABLE ONLY public.ledger_account
    ADD CONSTRAINT ledger_account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ledger_allocation
    ADD CONSTRAINT ledger_allocation_pkey PRIMARY KEY (account_id, sequence, n);

ALTER TABLE ONLY public.ledger_entry
    ADD CONSTRAINT ledger_entry_pkey PRIMARY KEY (account_id, sequence);

ALTER TABLE ONLY public.ledger_hold
    ADD CONSTRAINT ledger_hold_pkey PRIMARY KEY (account_id, sequence);

ALTER TABLE ONLY public.ledger_lot
    ADD CONSTRAINT ledger_lot_pkey PRIMARY KEY (account_id, sequence, n);

ALTER TABLE ONLY public.ledger_outbox
    ADD CONSTRAINT ledger_outbox_pkey PRIMARY KEY (account_id, first_sequence);

ALTER TABLE ONLY public.ledger_refusal
    ADD CONSTRAINT ledger_refusal_pkey PRIMARY KEY (account_id, key);

ALTER TABLE ONLY public.access_link
    ADD CONSTRAINT link_hash_is_unique UNIQUE (hash);

ALTER TABLE ONLY public.members_member
    ADD CONSTRAINT member_external_id_is_unique UNIQUE (program_id, external_id);

ALTER TABLE ONLY public.members_member
    ADD CONSTRAINT members_member_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.members_person
    ADD CONSTRAINT members_person_pkey PRIMARY KEY (member_id);

ALTER TABLE ONLY public.access_membership_place
    ADD CONSTRAINT membership_place_is_unique UNIQUE (membership_id, place_id);

ALTER TABLE ONLY public.access_membership
    ADD CONSTRAINT membership_user_is_unique UNIQUE (program_id, user_id);

ALTER TABLE ONLY public.orders_order
    ADD CONSTRAINT order_external_id_is_unique UNIQUE (program_id, external_id);

ALTER TABLE ONLY public.orders_activity
    ADD CONSTRAINT orders_activity_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders_line
    ADD CONSTRAINT orders_line_pkey PRIMARY KEY (order_id, n);

ALTER TABLE ONLY public.orders_order
    ADD CONSTRAINT orders_order_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders_return_line
    ADD CONSTRAINT orders_return_line_pkey PRIMARY KEY (order_id, n, return_n);

ALTER TABLE ONLY public.orders_return
    ADD CONSTRAINT orders_return_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders_return_tender
    ADD CONSTRAINT orders_return_tender_pkey PRIMARY KEY (order_id, n, return_n);

ALTER TABLE ONLY public.orders_tender
    ADD CONSTRAINT orders_tender_pkey PRIMARY KEY (order_id, n);

ALTER TABLE ONLY public.programs_place
    ADD CONSTRAINT place_code_is_unique UNIQUE (program_id, code);

ALTER TABLE ONLY public.programs_configuration
    ADD CONSTRAINT programs_configuration_pkey PRIMARY KEY (program_id, version);

ALTER TABLE ONLY public.programs_place
    ADD CONSTRAINT programs_place_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.programs_program
    ADD CONSTRAINT programs_program_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.programs_program
    ADD CONSTRAINT programs_program_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.programs_wallet
    ADD CONSTRAINT programs_wallet_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders_return
    ADD CONSTRAINT return_counts_within_its_order UNIQUE (order_id, n);

ALTER TABLE ONLY public.orders_return
    ADD CONSTRAINT return_external_id_is_unique UNIQUE (program_id, external_id);

ALTER TABLE ONLY public.access_user
    ADD CONSTRAINT user_email_is_unique UNIQUE (email);

ALTER TABLE ONLY public.programs_wallet
    ADD CONSTRAINT wallet_code_is_unique UNIQUE (program_id, code);

CREATE INDEX access_api_key_program_id_8023147c ON public.access_api_key USING btree (program_id);

CREATE INDEX access_link_program_id_f91b6eeb ON public.access_link USING btree (program_id);

CREATE INDEX access_link_user_id_962ebc91 ON public.access_link USING btree (user_id);

CREATE INDEX access_membership_place_place_id_a336773f ON public.access_membership_place USING btree (place_id);

CREATE INDEX access_membership_user_id_5bf62e16 ON public.access_membership USING btree (user_id);

CREATE INDEX access_session_membership_id_8aedba8e ON public.access_session USING btree (membership_id);

CREATE INDEX account_due ON public.ledger_account USING btree (next_due_at, id) WHERE (next_due_at IS NOT NULL);

CREATE INDEX account_holder_by_holder ON public.ledger_account_holder USING btree (holder_id);

CREATE INDEX activity_by_member ON public.orders_activity USING btree (member_id, type, occurred_at, id);

CREATE INDEX activity_by_program ON public.orders_activity USING btree (program_id, id);

CREATE INDEX allocation_by_lot ON public.ledger_allocation USING btree (account_id, lot_sequence, lot_n);

CREATE INDEX announced_by_program ON public.kernel_outbox USING btree (program_id);

CREATE INDEX announced_of_account ON public.kernel_outbox USING btree (account_id) WHERE (account_id IS NOT NULL);

CREATE INDEX attempts_by_end ON public.access_attempts USING btree (ends_at);

CREATE INDEX audit_by_actor ON public.kernel_audit USING btree (program_id, actor, id);

CREATE INDEX audit_by_program ON public.kernel_audit USING btree (program_id, id);

CREATE INDEX audit_by_target ON public.kernel_audit USING btree (program_id, target, id);

CREATE INDEX auth_group_name_a6ea08ec_like ON public.auth_group USING btree (name varchar_pattern_ops);

CREATE INDEX auth_group_permissions_group_id_b120cbf9 ON public.auth_group_permissions USING btree (group_id);

CREATE INDEX auth_group_permissions_permission_id_84c5c92e ON public.auth_group_permissions USING btree (permission_id);

CREATE INDEX auth_permission_content_type_id_2f476e4b ON public.auth_permission USING btree (content_type_id);

CREATE INDEX configuration_in_force ON public.programs_configuration USING btree (program_id, effective_from, version);

CREATE INDEX decision_by_member ON public.earning_decision USING btree (member_id, occurred_at);

CREATE INDEX django_celery_beat_periodictask_clocked_id_47a69f82 ON public.django_celery_beat_periodictask USING btree (clocked_id);

CREATE INDEX django_celery_beat_periodictask_crontab_id_d3cba168 ON public.django_celery_beat_periodictask USING btree (crontab_id);

CREATE INDEX django_celery_beat_periodictask_interval_id_a8ca27da ON public.django_celery_beat_periodictask USING btree (interval_id);

CREATE INDEX django_celery_beat_periodictask_name_265a36b7_like ON public.django_celery_beat_periodictask USING btree (name varchar_pattern_ops);

CREATE INDEX django_celery_beat_periodictask_solar_id_a87ce72c ON public.django_celery_beat_periodictask USING btree (solar_id);

CREATE UNIQUE INDEX entry_hold_resolves_once ON public.ledger_entry USING btree (account_id, relates_to) WHERE ((type)::text = ANY ((ARRAY['capture'::character varying, 'void'::character varying])::text[]));

CREATE UNIQUE INDEX entry_key_is_unique ON public.ledger_entry USING btree (account_id, key) WHERE (key IS NOT NULL);

CREATE UNIQUE INDEX entry_lot_is_released_once ON public.ledger_entry USING btree (account_id, relates_to) WHERE ((type)::text = ANY ((ARRAY['release'::character varying, 'activate'::character varying])::text[]));

CREATE INDEX entry_relates_to ON public.ledger_entry USING btree (account_id, relates_to) WHERE (relates_to IS NOT NULL);

CREATE INDEX event_by_account ON public.kernel_event USING btree (account_id, "position");

CREATE INDEX event_by_member ON public.kernel_event USING btree (member_id, "position");

CREATE INDEX event_by_type ON public.kernel_event USING btree (program_id, type, "position");

CREATE UNIQUE INDEX event_of_an_entry_is_unique ON public.kernel_event USING btree (account_id, sequence) WHERE (sequence IS NOT NULL);

CREATE INDEX hold_due ON public.ledger_hold USING btree (account_id, expires_at, sequence) WHERE open;

CREATE INDEX job_by_end ON public.kernel_job USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX job_by_program ON public.kernel_job USING btree (program_id, id);

CREATE INDEX job_open ON public.kernel_job USING btree (id) WHERE ((status)::text = ANY ((ARRAY['awaiting_file'::character varying, 'queued'::character varying, 'running'::character varying])::text[]));

CREATE INDEX kept_answer_by_expiry ON public.kernel_kept_answer USING btree (expires_at);

CREATE INDEX kept_answer_by_program ON public.kernel_kept_answer USING btree (program_id);

CREATE INDEX link_by_expiry ON public.access_link USING btree (expires_at);

CREATE INDEX lot_descendants ON public.ledger_lot USING btree (account_id, root) WHERE (NOT (root = sequence));

CREATE INDEX lot_spending_order ON public.ledger_lot USING btree (account_id, expires_at, sequence, n) WHERE open;

CREATE INDEX lot_waiting ON public.ledger_lot USING btree (account_id, available_at, sequence, n) WHERE ((state)::text = 'pending'::text);

CREATE INDEX member_by_program ON public.members_member USING btree (program_id, id);

CREATE INDEX membership_by_member ON public.access_membership USING btree (member) WHERE (member IS NOT NULL);

CREATE INDEX membership_by_program ON public.access_membership USING btree (program_id, id);

CREATE INDEX order_by_member ON public.orders_order USING btree (member_id, occurred_at, id);

CREATE INDEX order_by_program ON public.orders_order USING btree (program_id, id);

CREATE INDEX outbox_by_transaction ON public.ledger_outbox USING btree (recorded_xid);

CREATE INDEX outbox_told ON public.ledger_outbox USING btree (relayed_at) WHERE (relayed_at IS NOT NULL);

CREATE INDEX outbox_waiting ON public.ledger_outbox USING btree (recorded_xid) WHERE (relayed_at IS NULL);

CREATE INDEX person_by_email ON public.members_person USING btree (program_id, lower((email)::text));

CREATE INDEX person_by_phone ON public.members_person USING btree (program_id, phone);

CREATE INDEX person_by_tag ON public.members_person USING gin (tags);

CREATE INDEX programs_program_slug_964f1558_like ON public.programs_program USING btree (slug varchar_pattern_ops);

CREATE INDEX programs_wallet_program_id_75e88a3e ON public.programs_wallet USING btree (program_id);

CREATE INDEX return_withheld ON public.orders_return USING btree (order_id) WHERE withheld;

CREATE INDEX taking_by_return ON public.earning_taking USING btree (returned_id) WHERE (returned_id IS NOT NULL);

CREATE TRIGGER account_identity_never_changes BEFORE UPDATE ON public.ledger_account FOR EACH ROW WHEN (((old.id <> new.id) OR (old.wallet_id <> new.wallet_id) OR ((old.holder_kind)::text <> (new.holder_kind)::text) OR (old.holder_id <> new.holder_id) OR (old.opened_at <> new.opened_at))) EXECUTE FUNCTION public.ledger_refuse_change('account_identity_never_changes');

CREATE TRIGGER account_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_account FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('account_never_deleted');

CREATE TRIGGER account_never_goes_back BEFORE UPDATE ON public.ledger_account FOR EACH ROW WHEN (((new.last_sequence < old.last_sequence) OR (new.lifetime < old.lifetime) OR (new.effective_at < old.effective_at))) EXECUTE FUNCTION public.ledger_refuse_change('account_never_goes_back');

CREATE TRIGGER activity_facts_are_forgotten_alone BEFORE UPDATE ON public.orders_activity FOR EACH ROW WHEN ((new.facts IS DISTINCT FROM '{}'::jsonb)) EXECUTE FUNCTION public.orders_refuse_change('activity_facts_are_forgotten_alone');

CREATE TRIGGER activity_never_changes BEFORE UPDATE OF id, program_id, member_id, external_id, fingerprint, type, place_id, occurred_at, created_at ON public.orders_activity FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('activity_never_changes');

CREATE TRIGGER activity_never_deleted BEFORE DELETE OR TRUNCATE ON public.orders_activity FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('activity_never_deleted');

CREATE TRIGGER allocation_has_its_entry AFTER INSERT ON public.ledger_allocation REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_owner('allocation_has_its_entry');

CREATE TRIGGER allocation_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_allocation FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('allocation_never_changes');

CREATE TRIGGER audit_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.kernel_audit FOR EACH STATEMENT EXECUTE FUNCTION public.kernel_refuse_change('audit_never_changes');

CREATE TRIGGER award_equals_its_takings AFTER INSERT ON public.earning_taking REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION public.earning_check_takings();

CREATE TRIGGER award_is_not_given_back BEFORE UPDATE ON public.earning_award FOR EACH ROW WHEN ((new.taken < old.taken)) EXECUTE FUNCTION public.earning_refuse_change('award_is_not_given_back');

CREATE TRIGGER award_never_changes BEFORE UPDATE OF decision_id, n, rule, points, detail, account_id, sequence, refusal ON public.earning_award FOR EACH STATEMENT EXECUTE FUNCTION public.earning_refuse_change('award_never_changes');

CREATE TRIGGER award_never_deleted BEFORE DELETE OR TRUNCATE ON public.earning_award FOR EACH STATEMENT EXECUTE FUNCTION public.earning_refuse_change('award_never_deleted');

CREATE TRIGGER configuration_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.programs_configuration FOR EACH STATEMENT EXECUTE FUNCTION public.programs_refuse_change('configuration_never_changes');

CREATE TRIGGER decision_equals_its_awards AFTER INSERT ON public.earning_award REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.earning_check_awards();

CREATE TRIGGER decision_never_changes BEFORE UPDATE OF id, program_id, member_id, order_id, activity_id, payment, version, occurred_at, decided_at, points, looked_at ON public.earning_decision FOR EACH STATEMENT EXECUTE FUNCTION public.earning_refuse_change('decision_never_changes');

CREATE TRIGGER decision_never_deleted BEFORE DELETE OR TRUNCATE ON public.earning_decision FOR EACH STATEMENT EXECUTE FUNCTION public.earning_refuse_change('decision_never_deleted');

CREATE TRIGGER entry_continues_its_chain AFTER INSERT ON public.ledger_entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_chain();

CREATE TRIGGER entry_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('entry_never_changes');

CREATE TRIGGER event_is_only_forgotten BEFORE DELETE ON public.kernel_event FOR EACH STATEMENT WHEN ((current_setting('punchcard.forgetting'::text, true) IS DISTINCT FROM 'events'::text)) EXECUTE FUNCTION public.kernel_refuse_change('event_is_only_forgotten');

CREATE TRIGGER event_never_changes BEFORE UPDATE OR TRUNCATE ON public.kernel_event FOR EACH STATEMENT EXECUTE FUNCTION public.kernel_refuse_change('event_never_changes');

CREATE TRIGGER hold_has_its_entry AFTER INSERT ON public.ledger_hold REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_owner('hold_has_its_entry');

CREATE TRIGGER hold_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_hold FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('hold_never_deleted');

CREATE TRIGGER hold_never_reopens BEFORE UPDATE ON public.ledger_hold FOR EACH ROW WHEN (((NOT old.open) OR (old.account_id <> new.account_id) OR (old.sequence <> new.sequence) OR (old.points <> new.points) OR (old.expires_at <> new.expires_at))) EXECUTE FUNCTION public.ledger_refuse_change('hold_never_reopens');

CREATE TRIGGER line_contents_never_change BEFORE UPDATE OF order_id, n, sku, name, category, brand, quantity, unit_price, discount, shared_discount, tax, amount ON public.orders_line FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('line_contents_never_change');

CREATE TRIGGER line_equals_its_returns AFTER UPDATE ON public.orders_line REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_returned_lines();

CREATE TRIGGER line_never_deleted BEFORE DELETE OR TRUNCATE ON public.orders_line FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('line_never_deleted');

CREATE TRIGGER line_never_goes_back BEFORE UPDATE ON public.orders_line FOR EACH ROW WHEN (((new.returned_quantity < old.returned_quantity) OR (new.returned_amount < old.returned_amount) OR (new.returned_tax < old.returned_tax) OR (new.repriced_quantity < old.repriced_quantity) OR (new.repriced_amount < old.repriced_amount))) EXECUTE FUNCTION public.orders_refuse_change('line_never_goes_back');

CREATE TRIGGER lot_credit_never_changes BEFORE UPDATE ON public.ledger_lot FOR EACH ROW WHEN (((old.account_id <> new.account_id) OR (old.sequence <> new.sequence) OR (old.n <> new.n) OR (old.root <> new.root) OR (old.credited <> new.credited) OR ((old.validity)::text IS DISTINCT FROM (new.validity)::text) OR ((old.lapsed > 0) AND (old.lapsed <> new.lapsed)))) EXECUTE FUNCTION public.ledger_refuse_change('lot_credit_never_changes');

CREATE TRIGGER lot_dates_are_set_once BEFORE UPDATE ON public.ledger_lot FOR EACH ROW WHEN (((((old.available_at IS DISTINCT FROM new.available_at) OR (old.expires_at IS DISTINCT FROM new.expires_at)) AND (NOT ((old.activated_by IS NULL) AND (new.activated_by IS NOT NULL) AND ((old.state)::text = 'pending'::text)))) OR ((old.activated_by IS NOT NULL) AND (old.activated_by IS DISTINCT FROM new.activated_by)))) EXECUTE FUNCTION public.ledger_refuse_change('lot_dates_are_set_once');

CREATE TRIGGER lot_has_its_entry AFTER INSERT ON public.ledger_lot REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_owner('lot_has_its_entry');

CREATE TRIGGER lot_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_lot FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('lot_never_deleted');

CREATE TRIGGER order_contents_never_change BEFORE UPDATE OF id, program_id, member_id, external_id, fingerprint, currency, channel, place_id, tax_included, occurred_at, created_at, line_count, shipping, total ON public.orders_order FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('order_contents_never_change');

CREATE TRIGGER order_ended_never_changes BEFORE UPDATE ON public.orders_order FOR EACH ROW WHEN (((old.status)::text = ANY ((ARRAY['returned'::character varying, 'cancelled'::character varying])::text[]))) EXECUTE FUNCTION public.orders_refuse_change('order_ended_never_changes');

CREATE TRIGGER order_equals_its_lines AFTER INSERT ON public.orders_line REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_lines();

CREATE TRIGGER order_equals_its_returns AFTER UPDATE ON public.orders_order REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_returns();

CREATE TRIGGER order_equals_its_tenders AFTER INSERT ON public.orders_tender REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_tenders();

CREATE TRIGGER order_moves_as_it_may BEFORE UPDATE ON public.orders_order FOR EACH ROW WHEN ((((old.status)::text <> (new.status)::text) AND ((((((((((((old.status)::text <> 'open'::text) OR ((new.status)::text <> 'paid'::text)) AND (((old.status)::text <> 'open'::text) OR ((new.status)::text <> 'cancelled'::text))) AND (((old.status)::text <> 'paid'::text) OR ((new.status)::text <> 'partially_returned'::text))) AND (((old.status)::text <> 'paid'::text) OR ((new.status)::text <> 'returned'::text))) AND (((old.status)::text <> 'paid'::text) OR ((new.status)::text <> 'cancelled'::text))) AND (((old.status)::text <> 'paid'::text) OR ((new.status)::text <> 'reopened'::text))) AND (((old.status)::text <> 'partially_returned'::text) OR ((new.status)::text <> 'returned'::text))) AND (((old.status)::text <> 'partially_returned'::text) OR ((new.status)::text <> 'cancelled'::text))) AND (((old.status)::text <> 'reopened'::text) OR ((new.status)::text <> 'paid'::text))) AND (((old.status)::text <> 'reopened'::text) OR ((new.status)::text <> 'cancelled'::text))))) EXECUTE FUNCTION public.orders_refuse_change('order_moves_as_it_may');

CREATE TRIGGER order_never_deleted BEFORE DELETE OR TRUNCATE ON public.orders_order FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('order_never_deleted');

CREATE TRIGGER order_never_goes_back BEFORE UPDATE ON public.orders_order FOR EACH ROW WHEN (((new.version <= old.version) OR (new.times_paid < old.times_paid) OR (new.returns < old.returns) OR (new.returned_amount < old.returned_amount) OR (new.returned_shipping < old.returned_shipping))) EXECUTE FUNCTION public.orders_refuse_change('order_never_goes_back');

CREATE TRIGGER order_paid_has_tenders AFTER UPDATE ON public.orders_order REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_paid();

CREATE TRIGGER order_recorded_paid_has_tenders AFTER INSERT ON public.orders_order REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_paid();

CREATE TRIGGER order_starts_whole AFTER INSERT ON public.orders_order REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_start();

CREATE TRIGGER refund_moves_as_it_may BEFORE UPDATE ON public.orders_return FOR EACH ROW WHEN (((((((old.refund)::text <> 'pending'::text) OR ((new.refund)::text <> 'succeeded'::text)) AND (((old.refund)::text <> 'pending'::text) OR ((new.refund)::text <> 'failed'::text))) AND (((old.refund)::text <> 'failed'::text) OR ((new.refund)::text <> 'succeeded'::text))) OR (new.withheld AND (NOT old.withheld)))) EXECUTE FUNCTION public.orders_refuse_change('refund_moves_as_it_may');

CREATE TRIGGER refusal_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_refusal FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('refusal_never_changes');

CREATE TRIGGER return_is_counted AFTER INSERT ON public.orders_return REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_returns();

CREATE TRIGGER return_line_is_counted AFTER INSERT ON public.orders_return_line REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_returned_lines();

CREATE TRIGGER return_line_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.orders_return_line FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('return_line_never_changes');

CREATE TRIGGER return_never_changes BEFORE UPDATE OF id, program_id, order_id, n, external_id, fingerprint, occurred_at, created_at, amount, shipping ON public.orders_return FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('return_never_changes');

CREATE TRIGGER return_never_deleted BEFORE DELETE OR TRUNCATE ON public.orders_return FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('return_never_deleted');

CREATE TRIGGER return_tender_is_counted AFTER INSERT ON public.orders_return_tender REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_returned_tenders();

CREATE TRIGGER return_tender_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.orders_return_tender FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('return_tender_never_changes');

CREATE TRIGGER taken_equals_its_takings AFTER UPDATE ON public.earning_award REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION public.earning_check_takings();

CREATE TRIGGER taking_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.earning_taking FOR EACH STATEMENT EXECUTE FUNCTION public.earning_refuse_change('taking_never_changes');

CREATE TRIGGER tender_contents_never_change BEFORE UPDATE OF order_id, n, kind, amount, account_id, sequence ON public.orders_tender FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('tender_contents_never_change');

CREATE TRIGGER tender_equals_its_returns AFTER UPDATE ON public.orders_tender REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.orders_check_returned_tenders();

CREATE TRIGGER tender_never_deleted BEFORE DELETE OR TRUNCATE ON public.orders_tender FOR EACH STATEMENT EXECUTE FUNCTION public.orders_refuse_change('tender_never_deleted');

CREATE TRIGGER tender_never_goes_back BEFORE UPDATE ON public.orders_tender FOR EACH ROW WHEN ((new.returned < old.returned)) EXECUTE FUNCTION public.orders_refuse_change('tender_never_goes_back');

ALTER TABLE ONLY public.access_api_key
    ADD CONSTRAINT access_api_key_program_id_8023147c_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.access_link
    ADD CONSTRAINT access_link_program_id_f91b6eeb_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.access_link
    ADD CONSTRAINT access_link_user_id_962ebc91_fk_access_user_id FOREIGN KEY (user_id) REFERENCES public.access_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.access_membership_place
    ADD CONSTRAINT access_membership_pl_membership_id_343a5c4d_fk_access_me FOREIGN KEY (membership_id) REFERENCES public.access_membership(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.access_membership_place
    ADD CONSTRAINT access_membership_place_place_id_a336773f_fk_programs_place_id FOREIGN KEY (place_id) REFERENCES public.programs_place(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.access_membership
    ADD CONSTRAINT access_membership_program_id_6bed594b_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.access_membership
    ADD CONSTRAINT access_membership_user_id_5bf62e16_fk_access_user_id FOREIGN KEY (user_id) REFERENCES public.access_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.access_session
    ADD CONSTRAINT access_session_membership_id_8aedba8e_fk_access_membership_id FOREIGN KEY (membership_id) REFERENCES public.access_membership(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissio_permission_id_84c5c92e_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_b120cbf9_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_2f476e4b_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.django_celery_beat_periodictask
    ADD CONSTRAINT django_celery_beat_p_clocked_id_47a69f82_fk_django_ce FOREIGN KEY (clocked_id) REFERENCES public.django_celery_beat_clockedschedule(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.django_celery_beat_periodictask
    ADD CONSTRAINT django_celery_beat_p_crontab_id_d3cba168_fk_django_ce FOREIGN KEY (crontab_id) REFERENCES public.django_celery_beat_crontabschedule(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.django_celery_beat_periodictask
    ADD CONSTRAINT django_celery_beat_p_interval_id_a8ca27da_fk_django_ce FOREIGN KEY (interval_id) REFERENCES public.django_celery_beat_intervalschedule(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.django_celery_beat_periodictask
    ADD CONSTRAINT django_celery_beat_p_solar_id_a87ce72c_fk_django_ce FOREIGN KEY (solar_id) REFERENCES public.django_celery_beat_solarschedule(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_award
    ADD CONSTRAINT earning_award_decision_id_d7b780b2_fk_earning_decision_id FOREIGN KEY (decision_id) REFERENCES public.earning_decision(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_counter
    ADD CONSTRAINT earning_counter_member_id_ddc9cff2_fk_members_member_id FOREIGN KEY (member_id) REFERENCES public.members_member(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_counter
    ADD CONSTRAINT earning_counter_program_id_444bbb49_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_decision
    ADD CONSTRAINT earning_decision_activity_id_1640843a_fk_orders_activity_id FOREIGN KEY (activity_id) REFERENCES public.orders_activity(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_decision
    ADD CONSTRAINT earning_decision_member_id_117955a0_fk_members_member_id FOREIGN KEY (member_id) REFERENCES public.members_member(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_decision
    ADD CONSTRAINT earning_decision_order_id_5280f2d9_fk_orders_order_id FOREIGN KEY (order_id) REFERENCES public.orders_order(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_decision
    ADD CONSTRAINT earning_decision_program_id_d3d1325b_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_taking
    ADD CONSTRAINT earning_taking_decision_id_3801f3a4_fk_earning_decision_id FOREIGN KEY (decision_id) REFERENCES public.earning_decision(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.earning_taking
    ADD CONSTRAINT earning_taking_returned_id_0657a44b_fk_orders_return_id FOREIGN KEY (returned_id) REFERENCES public.orders_return(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.kernel_job_fault
    ADD CONSTRAINT kernel_job_fault_job_id_7366b2e9_fk_kernel_job_id FOREIGN KEY (job_id) REFERENCES public.kernel_job(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.kernel_job_file
    ADD CONSTRAINT kernel_job_file_job_id_3b8352f0_fk_kernel_job_id FOREIGN KEY (job_id) REFERENCES public.kernel_job(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.ledger_account_holder
    ADD CONSTRAINT ledger_account_holder_wallet_id_037afc63_fk_programs_wallet_id FOREIGN KEY (wallet_id) REFERENCES public.programs_wallet(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.ledger_account
    ADD CONSTRAINT ledger_account_wallet_id_f1f30b3a_fk_programs_wallet_id FOREIGN KEY (wallet_id) REFERENCES public.programs_wallet(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.members_member
    ADD CONSTRAINT members_member_program_id_d7c8cd7c_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.members_person
    ADD CONSTRAINT members_person_member_id_3bff3ac9_fk_members_member_id FOREIGN KEY (member_id) REFERENCES public.members_member(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.members_person
    ADD CONSTRAINT members_person_program_id_6f2880d6_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_activity
    ADD CONSTRAINT orders_activity_member_id_f7d5e21f_fk_members_member_id FOREIGN KEY (member_id) REFERENCES public.members_member(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_activity
    ADD CONSTRAINT orders_activity_place_id_88ffc3cb_fk_programs_place_id FOREIGN KEY (place_id) REFERENCES public.programs_place(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_activity
    ADD CONSTRAINT orders_activity_program_id_397bdb82_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_line
    ADD CONSTRAINT orders_line_order_id_c47dcbd1_fk_orders_order_id FOREIGN KEY (order_id) REFERENCES public.orders_order(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_order
    ADD CONSTRAINT orders_order_member_id_5d95eb8a_fk_members_member_id FOREIGN KEY (member_id) REFERENCES public.members_member(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_order
    ADD CONSTRAINT orders_order_place_id_ddcfe6ee_fk_programs_place_id FOREIGN KEY (place_id) REFERENCES public.programs_place(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_order
    ADD CONSTRAINT orders_order_program_id_74767290_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_return_line
    ADD CONSTRAINT orders_return_line_order_id_5ed56b67_fk_orders_order_id FOREIGN KEY (order_id) REFERENCES public.orders_order(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_return
    ADD CONSTRAINT orders_return_order_id_cde1ef50_fk_orders_order_id FOREIGN KEY (order_id) REFERENCES public.orders_order(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_return
    ADD CONSTRAINT orders_return_program_id_58c4f769_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_return_tender
    ADD CONSTRAINT orders_return_tender_order_id_6ca62a06_fk_orders_order_id FOREIGN KEY (order_id) REFERENCES public.orders_order(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.orders_tender
    ADD CONSTRAINT orders_tender_order_id_50a6947b_fk_orders_order_id FOREIGN KEY (order_id) REFERENCES public.orders_order(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.programs_configuration
    ADD CONSTRAINT programs_configurati_program_id_2675bb3b_fk_programs_ FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.programs_place
    ADD CONSTRAINT programs_place_program_id_26509d98_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.programs_wallet
    ADD CONSTRAINT programs_wallet_program_id_75e88a3e_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;
