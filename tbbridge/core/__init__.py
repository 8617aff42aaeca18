"""The words that every room shares: the model, errors, settings, growing columns, CRC-32C."""
