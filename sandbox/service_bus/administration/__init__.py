"""The administration of a namespace: ATOM entries over HTTPS (Service Bus REST API, "Entities")."""
