/* Runs a fuzz target on files without libFuzzer, so that any compiler and sanitizer can check the corpora.
 *
 *     build/asan/fuzz/json                  all of tests/fuzz/corpus/json and tests/fuzz/found/json
 *     build/asan/fuzz/json FILE...          these
 *
 * Prints one TAP line for each directory or file. */
#include "tests/lib/fuzz.h"

#include <dirent.h>
#include <errno.h>

enum { INPUT_SIZE_MAX = 4 << 20 };

static void replay_file(const char *path)
{
    static unsigned char bytes[INPUT_SIZE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    /* The input is in memory of exactly its size, so that a sanitizer sees reads after its end. */
    unsigned char *copy = aq_malloc(length);
    memcpy(copy, bytes, length);
    fprintf(stderr, "# %s\n", path); /* the last one printed is the one that failed */
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

/* Returns the number of files; 0 also when there is no such directory. */
static unsigned replay_directory(const char *path)
{
    struct dirent **names;
    unsigned count = 0;
    int found = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        char file[1024];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            replay_file(file);
            count++;
        }
        free(names[i]);
    }
    if (found >= 0)
        free(names);
    return count;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/'), *target = slash ? slash + 1 : argv[0];
    static const char *const places[] = {"corpus", "found"};
    unsigned total = 0;
    for (int i = 1; i < argc; i++, total++) {
        replay_file(argv[i]);
        printf("ok %u - %s\n", total + 1, argv[i]);
    }
    for (size_t i = 0; argc == 1 && i < AQ_LENGTH(places); i++) {
        char path[512];
        snprintf(path, sizeof path, "tests/fuzz/%s/%s", places[i], target);
        unsigned count = replay_directory(path);
        if (count > 0)
            printf("ok %zu - %u inputs of %s\n", i + 1, count, path);
        total += count;
    }
    if (total == 0)
        fprintf(stderr, "nothing to replay: run it in the root of the tree\n");
    return total == 0;
}
