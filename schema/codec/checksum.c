#include "schema/codec/checksum.h"

#include <stdint.h>

enum { BASE = 62 };

const char aq_base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* Four bits at a time: every request brings a token. */
static uint32_t crc32_of(const char *text, size_t length)
{
    /* What four steps of one bit, with the polynomial 0xEDB88320, make of each number. */
    static const uint32_t steps[16] = {0x00000000U, 0x1DB71064U, 0x3B6E20C8U, 0x26D930ACU, 0x76DC4190U, 0x6B6B51F4U,
                                       0x4DB26158U, 0x5005713CU, 0xEDB88320U, 0xF00F9344U, 0xD6D6A3E8U, 0xCB61B38CU,
                                       0x9B64C2B0U, 0x86D3D2D4U, 0xA00AE278U, 0xBDBDF21CU};
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= (unsigned char)text[i];
        crc = crc >> 4 ^ steps[crc & 15];
        crc = crc >> 4 ^ steps[crc & 15];
    }
    return ~crc;
}

void aq_checksum(const char *text, size_t length, char out[AQ_CHECKSUM_LENGTH])
{
    uint32_t crc = crc32_of(text, length);
    for (int i = AQ_CHECKSUM_LENGTH; i-- > 0; crc /= BASE)
        out[i] = aq_base62[crc % BASE];
}
