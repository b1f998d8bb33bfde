/* Temporary directories, and the small files that programs write into their data directory. */
#ifndef AQ_TESTS_LIB_DIRECTORY_H
#define AQ_TESTS_LIB_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

/* Makes an empty directory <parent>/<name>-XXXXXX and writes its path. Aborts when it cannot. */
void test_make_directory(char *path, size_t size, const char *parent, const char *name);

/* Removes the directory and everything in it, but nothing that is mounted there. */
void test_remove_tree(const char *path);

/* Reads the first line of the file, without its newline. Returns false when there is none. */
bool test_read_line(const char *directory, const char *name, char *line, size_t size);

/* Reads the number in the file, such as a port. Aborts when there is none. */
unsigned test_read_number(const char *directory, const char *name);

#endif
