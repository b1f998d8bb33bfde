#include "drivers/container/login.h"

#include "schema/base/files.h"
#include "schema/drivers/container.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* {"auths": {"registry.example:5000": {"auth": base64 of user:password}}} */
static char *write_login(const json_t *login, const struct aq_image *image)
{
    char registry[AQ_IMAGE_MAX + 1];
    AQ_CLEANUP_BUFFER struct aq_buffer both = {0};
    snprintf(registry, sizeof registry, "%.*s", (int)strcspn(image->name, "/"), image->name);
    aq_buffer_format(&both, "%s:%s", json_string_value(json_object_get(login, "username")),
                     json_string_value(json_object_get(login, "password")));
    const size_t size = sodium_base64_encoded_len(both.length, sodium_base64_VARIANT_ORIGINAL);
    char *encoded = aq_malloc(size);
    sodium_bin2base64(encoded, size, (const unsigned char *)both.data, both.length, sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(both.data, both.length);
    json_t *json = json_pack("{s:{s:{s:s}}}", "auths", registry, "auth", encoded);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    sodium_memzero(encoded, size);
    free(encoded);
    return text;
}

int login_make(const json_t *login, const char *image, char path[LOGIN_PATH_SIZE], struct aq_error *error)
{
    struct aq_image wanted;
    if (aq_image_parse(&wanted, image, error) != 0)
        return -1;
    char *text = write_login(login, &wanted);
    int file = text != NULL ? memfd_create("login", MFD_CLOEXEC) : -1;
    int failed = file < 0 || aq_file_write_all(file, text, strlen(text)) != 0
                     ? aq_fail_errno(error, errno, "the login to the registry cannot be kept")
                     : 0;
    if (text != NULL)
        sodium_memzero(text, strlen(text));
    free(text);
    if (failed == 0) {
        snprintf(path, LOGIN_PATH_SIZE, "/proc/%d/fd/%d", getpid(), file);
        return file;
    }
    if (file >= 0)
        close(file);
    return -1;
}
