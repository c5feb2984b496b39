"""The shape of the bus on Azure Service Bus, and how its namespace is reached and prepared."""
