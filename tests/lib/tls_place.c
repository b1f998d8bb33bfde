#include "tests/lib/tls_place.h"

#include "schema/base/memory.h"
#include "tests/lib/directory.h"

#include <stdio.h>
#include <stdlib.h>

int tls_place_set_up(void **context)
{
    struct tls_place *place = aq_calloc(1, sizeof *place);
    test_make_directory(place->data, sizeof place->data, "/tmp", "aquarium-tls");
    *context = place;
    return 0;
}

int tls_place_tear_down(void **context)
{
    struct tls_place *place = *context;
    authority_close(place->authority);
    test_remove_tree(place->data);
    free(place);
    return 0;
}

int tls_place_try_open(struct tls_place *place, uint64_t now_ms, struct aq_error *error)
{
    authority_close(place->authority);
    place->authority = NULL;
    return authority_open(&place->authority, place->data, now_ms, error);
}

void tls_place_open(struct tls_place *place, uint64_t now_ms)
{
    struct aq_error error = {0};
    if (tls_place_try_open(place, now_ms, &error) != 0)
        fail_msg("%s", error.message);
}

const char *tls_place_shell(const struct tls_place *place, const char *command)
{
    static char out[8192];
    char line[1024];
    snprintf(line, sizeof line, "cd %s/tls && { %s; } 2>/dev/null", place->data, command);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t length = fread(out, 1, sizeof out - 1, pipe);
    out[length] = '\0';
    if (pclose(pipe) != 0)
        fail_msg("failed: %s: %s", command, out);
    return out;
}
