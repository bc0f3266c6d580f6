DROP FUNCTION earning_check_takings() CASCADE;
DROP FUNCTION earning_check_awards() CASCADE;
DROP FUNCTION earning_raise(text, uuid);
DROP FUNCTION earning_refuse_change() CASCADE;
ALTER TABLE earning_counter RESET (fillfactor);
ALTER TABLE earning_award RESET (fillfactor);
