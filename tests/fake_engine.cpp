// A stand-in for llama-bench. It does nothing yet.
int main() { return 0; }
