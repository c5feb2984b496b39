"""Getting tokens: Entra's endpoint for client secrets, and the two managed identity endpoints."""
