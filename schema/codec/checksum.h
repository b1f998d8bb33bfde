/* The checksum at the end of every token: so a scanner for leaked tokens knows one without asking anybody, and one that
 * was cut or mistyped is noticed. */
#ifndef AQ_SCHEMA_CODEC_CHECKSUM_H
#define AQ_SCHEMA_CODEC_CHECKSUM_H

#include <stddef.h>

enum { AQ_CHECKSUM_LENGTH = 6 };

/* The digits of base 62, in order: 0-9A-Za-z. */
extern const char aq_base62[];

/* The CRC-32 of Ethernet, zip and others, in base 62, most significant digit first; without a NUL. */
void aq_checksum(const char *text, size_t length, char out[AQ_CHECKSUM_LENGTH]);

#endif
