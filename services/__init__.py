"""The services. They meet only on the bus, and read each other only through published views."""
