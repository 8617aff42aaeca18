"""`tbbridge watch` besides the page: the session, the terminal, TensorBoard, the demo."""
