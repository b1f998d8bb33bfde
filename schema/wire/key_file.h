/* Files with the secret half of a static key (noise.h): 64 hexadecimal digits, which only their owner may read. */
#ifndef AQ_SCHEMA_WIRE_KEY_FILE_H
#define AQ_SCHEMA_WIRE_KEY_FILE_H

#include "schema/base/error.h"
#include "schema/wire/noise.h"

enum { AQ_NOISE_TEXT_SIZE = 2 * AQ_NOISE_KEY_SIZE + 1 };

/* `path` is relative to the directory `at`, or to the working directory if that is AT_FDCWD. Fails with
 * AQ_E_NOT_FOUND if there is no file, and with AQ_E_FORBIDDEN if others may read it. */
int aq_key_file_load(struct aq_noise_pair *pair, int at, const char *path, struct aq_error *error) AQ_MUST_CHECK;
/* The same, but makes the file with a new key if it is missing. */
int aq_key_file_make(struct aq_noise_pair *pair, int at, const char *path, struct aq_error *error) AQ_MUST_CHECK;

/* A key as text: 64 hexadecimal digits, in lower case. */
void aq_noise_key_to_text(const unsigned char key[AQ_NOISE_KEY_SIZE], char text[AQ_NOISE_TEXT_SIZE]);
bool aq_noise_key_from_text(unsigned char key[AQ_NOISE_KEY_SIZE],
                            const char *text) AQ_MUST_CHECK; /* false: it is none */

#endif
