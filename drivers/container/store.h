/* The images of this host, in a directory that its agents share (container.images):
 *
 *   sha256-<digits>/   an image: rootfs/, config.json (what it says about its program), size (bytes and files)
 *   tags/              which digest a reference with a tag was resolved to
 *   local/             OCI layouts that the owner of the host has put there: images that are in no registry
 *   pulling/           what is being taken from a registry and unpacked, and what is being removed
 *   lock               locked shared while a container takes an image, exclusively while images are removed
 *
 * An image appears under its name when all of it is there and on disk. It is never changed: containers use it as the
 * lower layer of their overlays. For the starter and other processes that may wait. */
#ifndef AQ_DRIVERS_CONTAINER_STORE_H
#define AQ_DRIVERS_CONTAINER_STORE_H

#include "schema/base/error.h"
#include "schema/drivers/container.h"

#include <jansson.h>
#include <limits.h>
#include <stdint.h>

struct store_image {
    char digest[AQ_DIGEST_SIZE];
    char path[PATH_MAX]; /* of its directory */
    json_t *config;      /* of its config.json */
};

/* What is wanted of the store. */
struct store_wish {
    const struct aq_container_settings *settings;
    const char *reference;
    enum aq_container_pull pull;
    uint32_t slot;     /* of the container, which uses the image from now on */
    const char *ports; /* to be noted there, too */
    int told;          /* gets a line of text when something takes time: the log of the container */
};

/* Finds the image, or gets it. */
int store_take(const struct store_wish *wish, struct store_image *image, struct aq_error *error) AQ_MUST_CHECK;
void store_image_free(struct store_image *image);

/* Removes what no container uses and is too old, or too much (prune.c). */
void store_prune(const struct aq_container_settings *settings);
bool store_prune_is_due(const struct aq_container_settings *settings); /* it was not done for an hour */

/* ---- private to the store (store_files.c) --------------------------------------------------------------- */

/* The path of a file or directory in the store. Returns -1 if it is too long. */
int store_path(char path[PATH_MAX], const struct aq_container_settings *settings, const char *name,
               struct aq_error *error) AQ_MUST_CHECK;
void store_name(const char *digest, char name[AQ_DIGEST_SIZE]); /* sha256-<digits> */
int store_lock(const struct aq_container_settings *settings, const char *name, int operation, uint64_t until_ms,
               struct aq_error *error) AQ_MUST_CHECK; /* returns a descriptor, for close() */

/* Gets an image that is not there (pull.c). */
int pull_image(const struct store_wish *wish, const struct aq_image *wanted, const char *digest,
               struct aq_error *error) AQ_MUST_CHECK;
/* Asks the registry what a tag stands for. */
int pull_resolve(const struct store_wish *wish, const struct aq_image *wanted, char digest[AQ_DIGEST_SIZE],
                 struct aq_error *error) AQ_MUST_CHECK;
/* The path of a local image's layout. */
int pull_layout(char path[PATH_MAX], const struct store_wish *wish, const struct aq_image *wanted,
                struct aq_error *error) AQ_MUST_CHECK;

#endif
