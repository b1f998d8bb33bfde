# Prints the C files of the tree, also those that git does not track. Sourced.
c_files() {
    find schema controller agent drivers fs tools tests -name '*.[ch]' | sort
}
