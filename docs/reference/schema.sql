-- Written by `make schema` from the migrations; not by hand.

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
    program_id uuid NOT NULL
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
    CONSTRAINT entry_key_has_fingerprint CHECK (((key IS NULL) OR (fingerprint IS NOT NULL))),
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
    CONSTRAINT member_external_id_is_not_empty CHECK ((NOT ((external_id)::text = ''::text)))
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

ALTER TABLE ONLY public.access_api_key
    ADD CONSTRAINT api_key_hash_is_unique UNIQUE (hash);

ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);

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

ALTER TABLE ONLY public.members_member
    ADD CONSTRAINT member_external_id_is_unique UNIQUE (program_id, external_id);

ALTER TABLE ONLY public.members_member
    ADD CONSTRAINT members_member_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.programs_program
    ADD CONSTRAINT programs_program_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.programs_program
    ADD CONSTRAINT programs_program_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.programs_wallet
    ADD CONSTRAINT programs_wallet_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.programs_wallet
    ADD CONSTRAINT wallet_code_is_unique UNIQUE (program_id, code);

CREATE INDEX access_api_key_program_id_8023147c ON public.access_api_key USING btree (program_id);

CREATE INDEX account_due ON public.ledger_account USING btree (next_due_at, id) WHERE (next_due_at IS NOT NULL);

CREATE INDEX account_holder_by_holder ON public.ledger_account_holder USING btree (holder_id);

CREATE INDEX allocation_by_lot ON public.ledger_allocation USING btree (account_id, lot_sequence, lot_n);

CREATE UNIQUE INDEX entry_hold_resolves_once ON public.ledger_entry USING btree (account_id, relates_to) WHERE ((type)::text = ANY ((ARRAY['capture'::character varying, 'void'::character varying])::text[]));

CREATE UNIQUE INDEX entry_key_is_unique ON public.ledger_entry USING btree (account_id, key) WHERE (key IS NOT NULL);

CREATE UNIQUE INDEX entry_lot_is_released_once ON public.ledger_entry USING btree (account_id, relates_to) WHERE ((type)::text = ANY ((ARRAY['release'::character varying, 'activate'::character varying])::text[]));

CREATE INDEX entry_relates_to ON public.ledger_entry USING btree (account_id, relates_to) WHERE (relates_to IS NOT NULL);

CREATE INDEX hold_due ON public.ledger_hold USING btree (account_id, expires_at, sequence) WHERE open;

CREATE INDEX lot_descendants ON public.ledger_lot USING btree (account_id, root) WHERE (NOT (root = sequence));

CREATE INDEX lot_spending_order ON public.ledger_lot USING btree (account_id, expires_at, sequence, n) WHERE open;

CREATE INDEX lot_waiting ON public.ledger_lot USING btree (account_id, available_at, sequence, n) WHERE ((state)::text = 'pending'::text);

CREATE INDEX member_by_program ON public.members_member USING btree (program_id, id);

CREATE INDEX outbox_by_transaction ON public.ledger_outbox USING btree (recorded_xid);

CREATE INDEX programs_program_slug_964f1558_like ON public.programs_program USING btree (slug varchar_pattern_ops);

CREATE INDEX programs_wallet_program_id_75e88a3e ON public.programs_wallet USING btree (program_id);

CREATE TRIGGER account_identity_never_changes BEFORE UPDATE ON public.ledger_account FOR EACH ROW WHEN (((old.id <> new.id) OR (old.wallet_id <> new.wallet_id) OR ((old.holder_kind)::text <> (new.holder_kind)::text) OR (old.holder_id <> new.holder_id) OR (old.opened_at <> new.opened_at))) EXECUTE FUNCTION public.ledger_refuse_change('account_identity_never_changes');

CREATE TRIGGER account_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_account FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('account_never_deleted');

CREATE TRIGGER account_never_goes_back BEFORE UPDATE ON public.ledger_account FOR EACH ROW WHEN (((new.last_sequence < old.last_sequence) OR (new.lifetime < old.lifetime) OR (new.effective_at < old.effective_at))) EXECUTE FUNCTION public.ledger_refuse_change('account_never_goes_back');

CREATE TRIGGER allocation_has_its_entry AFTER INSERT ON public.ledger_allocation REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_owner('allocation_has_its_entry');

CREATE TRIGGER allocation_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_allocation FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('allocation_never_changes');

CREATE TRIGGER entry_continues_its_chain AFTER INSERT ON public.ledger_entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_chain();

CREATE TRIGGER entry_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('entry_never_changes');

CREATE TRIGGER hold_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_hold FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('hold_never_deleted');

CREATE TRIGGER hold_never_reopens BEFORE UPDATE ON public.ledger_hold FOR EACH ROW WHEN (((NOT old.open) OR (old.account_id <> new.account_id) OR (old.sequence <> new.sequence) OR (old.points <> new.points) OR (old.expires_at <> new.expires_at))) EXECUTE FUNCTION public.ledger_refuse_change('hold_never_reopens');

CREATE TRIGGER lot_credit_never_changes BEFORE UPDATE ON public.ledger_lot FOR EACH ROW WHEN (((old.account_id <> new.account_id) OR (old.sequence <> new.sequence) OR (old.n <> new.n) OR (old.root <> new.root) OR (old.credited <> new.credited) OR ((old.validity)::text IS DISTINCT FROM (new.validity)::text) OR ((old.lapsed > 0) AND (old.lapsed <> new.lapsed)))) EXECUTE FUNCTION public.ledger_refuse_change('lot_credit_never_changes');

CREATE TRIGGER lot_dates_are_set_once BEFORE UPDATE ON public.ledger_lot FOR EACH ROW WHEN (((((old.available_at IS DISTINCT FROM new.available_at) OR (old.expires_at IS DISTINCT FROM new.expires_at)) AND (NOT ((old.activated_by IS NULL) AND (new.activated_by IS NOT NULL) AND (old.available_at IS NULL) AND ((old.state)::text = 'pending'::text)))) OR ((old.activated_by IS NOT NULL) AND (old.activated_by IS DISTINCT FROM new.activated_by)))) EXECUTE FUNCTION public.ledger_refuse_change('lot_dates_are_set_once');

CREATE TRIGGER lot_has_its_entry AFTER INSERT ON public.ledger_lot REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_owner('lot_has_its_entry');

CREATE TRIGGER lot_never_deleted BEFORE DELETE OR TRUNCATE ON public.ledger_lot FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('lot_never_deleted');

CREATE TRIGGER refusal_never_changes BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_refusal FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse_change('refusal_never_changes');

ALTER TABLE ONLY public.access_api_key
    ADD CONSTRAINT access_api_key_program_id_8023147c_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.ledger_account_holder
    ADD CONSTRAINT ledger_account_holder_wallet_id_037afc63_fk_programs_wallet_id FOREIGN KEY (wallet_id) REFERENCES public.programs_wallet(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.ledger_account
    ADD CONSTRAINT ledger_account_wallet_id_f1f30b3a_fk_programs_wallet_id FOREIGN KEY (wallet_id) REFERENCES public.programs_wallet(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.members_member
    ADD CONSTRAINT members_member_program_id_d7c8cd7c_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.programs_wallet
    ADD CONSTRAINT programs_wallet_program_id_75e88a3e_fk_programs_program_id FOREIGN KEY (program_id) REFERENCES public.programs_program(id) DEFERRABLE INITIALLY DEFERRED;
