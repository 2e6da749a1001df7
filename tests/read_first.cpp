// Nothing of its own: the headers that every test reads are compiled for it, once; it is given no definition that a
// test might lack.
int main() {}
