ALTER TABLE bus.backend DROP CONSTRAINT backend_kind_check;
ALTER TABLE bus.backend ADD CONSTRAINT backend_kind_check
    CHECK (kind IN ('postgresql', 'rabbitmq', 'servicebus'));
