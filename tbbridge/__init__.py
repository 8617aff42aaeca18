"""tbbridge: follow TensorBoard event files."""
