#include "tests/lib/directory.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void test_make_directory(char *path, size_t size, const char *parent, const char *name)
{
    int length = snprintf(path, size, "%s/%s-XXXXXX", parent, name);
    if (length < 0 || (size_t)length >= size || mkdtemp(path) == NULL) {
        perror(path);
        abort();
    }
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void test_remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

bool test_read_line(const char *directory, const char *name, char *line, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    bool got = file != NULL && fgets(line, (int)size, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

unsigned test_read_number(const char *directory, const char *name)
{
    char line[32];
    if (!test_read_line(directory, name, line, sizeof line)) {
        fprintf(stderr, "%s/%s holds no number\n", directory, name);
        abort();
    }
    return (unsigned)strtoul(line, NULL, 10);
}
