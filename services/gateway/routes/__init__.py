"""The API's endpoints, one file per subject. Each declares the permission that it asks for."""
