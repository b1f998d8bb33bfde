/* Writes numbers and texts into memory that has room for them. Lists write thousands of them, so they neither check for
 * room one by one nor use printf. Every function returns the end of what it wrote. */
#ifndef AQ_SCHEMA_BASE_PUT_H
#define AQ_SCHEMA_BASE_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    AQ_PUT_STEP = 16,      /* aq_put_block() copies in steps of this many bytes, so up to that many too many */
    AQ_PUT_NUMBER_MAX = 64 /* bytes of any number, time, size or duration, with or without quotes */
};

static inline char *aq_put_pair(char *at, unsigned number)
{
    static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940"
                                "4142434445464748495051525354555657585960616263646566676869707172737475767778798081"
                                "82838485868788899091929394959697989900";
    memcpy(at, pairs + (size_t)2 * number, 2);
    return at + 2;
}

static inline unsigned aq_digit_count(uint64_t number)
{
    static const uint64_t least[] = {0,
                                     10,
                                     100,
                                     1000,
                                     10000,
                                     100000,
                                     1000000,
                                     10000000,
                                     100000000,
                                     1000000000,
                                     10000000000,
                                     100000000000,
                                     1000000000000,
                                     10000000000000,
                                     100000000000000,
                                     1000000000000000,
                                     10000000000000000,
                                     100000000000000000,
                                     1000000000000000000,
                                     10000000000000000000U};
    unsigned bits = 64 - (unsigned)__builtin_clzll(number | 1);
    unsigned about = bits * 1233 >> 12; /* 1233 / 4096 is the logarithm of 2 */
    return about + (number >= least[about]);
}

static inline char *aq_put_u64(char *at, uint64_t number)
{
    char *end = at + (number < 10 ? 1 : aq_digit_count(number)), *to = end;
    for (; number >= 100; number /= 100)
        aq_put_pair(to -= 2, (unsigned)(number % 100));
    if (number >= 10)
        aq_put_pair(to - 2, (unsigned)number);
    else
        to[-1] = (char)('0' + number);
    return end;
}

/* Copies a short text. AQ_PUT_STEP bytes after it must be readable, and as many must be writable at the target. */
static inline char *aq_put_block(char *at, const char *text, size_t length)
{
    memcpy(at, text, AQ_PUT_STEP);
    for (size_t i = AQ_PUT_STEP; i < length; i += AQ_PUT_STEP)
        memcpy(at + i, text + i, AQ_PUT_STEP);
    return at + length;
}

/* ---- eight bytes at once -------------------------------------------------------------------------------- */

/* The tests of "Bit Twiddling Hacks" (Anderson). They are exact about whether any byte of the word matches. */
#define AQ_EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (unsigned char)(c))

static inline uint64_t aq_any_zero(uint64_t word)
{
    return (word - AQ_EACH_BYTE(1)) & ~word & AQ_EACH_BYTE(0x80);
}

/* Any byte of a character beyond ASCII: it may be one that is escaped (aq_utf8_harmful()). */
static inline uint64_t aq_any_beyond(uint64_t word)
{
    return word & AQ_EACH_BYTE(0x80);
}

/* Any control character, quote or backslash: what JSON must escape. DEL, too, for the sake of terminals. */
static inline uint64_t aq_any_escaped(uint64_t word)
{
    return ((word - AQ_EACH_BYTE(0x20)) & ~word & AQ_EACH_BYTE(0x80)) | aq_any_zero(word ^ AQ_EACH_BYTE('"')) |
           aq_any_zero(word ^ AQ_EACH_BYTE('\\')) | aq_any_zero(word ^ AQ_EACH_BYTE(0x7F)) | aq_any_beyond(word);
}

static inline uint64_t aq_word8(const char *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

static inline uint64_t aq_word4(const char *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Copies a text. Returns false if it may contain a character to escape, or with `raw`, for JSON, a NUL or one beyond
 * ASCII; part of it may be copied then. The last word overlaps the one before it, so that no byte beyond the text is
 * touched. */
static inline __attribute__((always_inline)) bool aq_put_clean(char *at, const char *text, size_t length, bool raw)
{
    uint64_t word = AQ_EACH_BYTE(' ');
    if (length >= 8) {
        for (size_t i = 0; i + 8 < length; i += 8) {
            word = aq_word8(text + i);
            if (raw ? aq_any_zero(word) | aq_any_beyond(word) : aq_any_escaped(word))
                return false;
            memcpy(at + i, &word, 8);
        }
        word = aq_word8(text + length - 8);
        memcpy(at + length - 8, &word, 8);
    } else if (length >= 4) {
        word = aq_word4(text) << 32 | aq_word4(text + length - 4);
        memcpy(at, text, 4);
        memcpy(at + length - 4, text + length - 4, 4);
    } else if (length > 0) {
        for (size_t i = 0; i < length; i++)
            word = word << 8 | (unsigned char)(at[i] = text[i]);
    }
    return (raw ? aq_any_zero(word) | aq_any_beyond(word) : aq_any_escaped(word)) == 0;
}

#endif
