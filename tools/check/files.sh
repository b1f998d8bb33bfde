# The C files of the tree, whoever made them. Sourced.
c_files() {
    find schema controller agent drivers fs tools tests -name '*.[ch]' | sort
}
