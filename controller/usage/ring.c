#include "controller/usage/ring.h"

#include "schema/base/memory.h"
#include "schema/model/record.h"

#include <stdlib.h>
#include <string.h>

const struct usage_step usage_steps[USAGE_STEPS] = {
    {10 * 1000, 60},       /* 10 minutes */
    {60 * 1000, 120},      /* 2 hours */
    {10 * 60 * 1000, 288}, /* 2 days */
};

enum {
    CAPACITY_LEAST = 8,
    MANTISSA_BITS = 10,
    CODE_ZERO = 0xFFFE,
    CODE_NONE = 0xFFFF,
};
#define FIGURE_MAX (UINT64_C(1) << 50) /* so that the sum of a step stays within 64 bits */

/* ---- figures in two bytes: an exponent, and the bits behind the highest one ----------------------------- */

static uint16_t encode(uint64_t value)
{
    if (value == 0)
        return CODE_ZERO;
    const unsigned exponent = 63 - (unsigned)__builtin_clzll(value);
    const uint64_t mantissa =
        exponent >= MANTISSA_BITS ? value >> (exponent - MANTISSA_BITS) : value << (MANTISSA_BITS - exponent);
    return (uint16_t)(exponent << MANTISSA_BITS | (mantissa & ((1 << MANTISSA_BITS) - 1)));
}

static uint64_t decode(uint16_t code)
{
    if (code == CODE_ZERO)
        return 0;
    const unsigned exponent = code >> MANTISSA_BITS;
    const uint64_t mantissa = (code & ((1 << MANTISSA_BITS) - 1)) | 1 << MANTISSA_BITS;
    return exponent >= MANTISSA_BITS ? mantissa << (exponent - MANTISSA_BITS) : mantissa >> (MANTISSA_BITS - exponent);
}

/* ---- one ring --------------------------------------------------------------------------------------------- */

static uint16_t *slot_of(const struct usage_ring *ring, uint64_t number)
{
    return ring->slots[number % ring->capacity];
}

/* Makes room for `wanted` steps, or for as many as the budget allows. */
static void grow(struct usage_ring *ring, uint32_t length, uint32_t wanted, size_t *budget)
{
    uint32_t capacity = ring->capacity > 0 ? ring->capacity : CAPACITY_LEAST;
    while (capacity < wanted)
        capacity *= 2;
    capacity = capacity < length ? capacity : length;
    const size_t more = (capacity - ring->capacity) * sizeof *ring->slots;
    if (capacity == ring->capacity || more > *budget)
        return;
    *budget -= more;
    struct usage_ring larger = {.slots = aq_calloc(capacity, sizeof *ring->slots), .capacity = capacity};
    for (uint32_t i = 0; i < ring->count; i++)
        memcpy(slot_of(&larger, ring->newest - i), slot_of(ring, ring->newest - i), sizeof *ring->slots);
    free(ring->slots);
    ring->slots = larger.slots;
    ring->capacity = capacity;
}

static void begin_step(struct usage_ring *ring, uint64_t number)
{
    const uint64_t passed = number - ring->newest;
    if (ring->count == 0 || passed >= ring->capacity)
        ring->count = 0;
    for (uint64_t gap = ring->newest + 1; ring->count > 0 && gap < number; gap++)
        memset(slot_of(ring, gap), 0xFF, sizeof *ring->slots);
    const uint64_t count = ring->count > 0 ? ring->count + passed : 1;
    ring->count = count < ring->capacity ? (uint32_t)count : ring->capacity;
    ring->newest = number;
    memset(ring->sums, 0, sizeof ring->sums);
    memset(ring->added, 0, sizeof ring->added);
}

static void ring_note(struct usage_ring *ring, const struct usage_step *step, uint64_t at_ms,
                      const struct usage_figures *figures, size_t *budget)
{
    const uint64_t number = at_ms / step->ms;
    if (ring->count > 0 && number < ring->newest)
        return;
    if (ring->count == 0 || number > ring->newest) {
        const uint64_t wanted = ring->count > 0 ? ring->count + (number - ring->newest) : 1;
        grow(ring, step->length, wanted < step->length ? (uint32_t)wanted : step->length, budget);
        if (ring->capacity == 0)
            return;
        begin_step(ring, number);
    }
    uint16_t *slot = slot_of(ring, number);
    for (size_t i = 0; i < USAGE_FIGURES; i++) {
        const uint64_t value = aq_number_or(figures->of[i], 0);
        if (figures->of[i] != 0 && ring->added[i] < UINT16_MAX / 8) {
            ring->sums[i] += value < FIGURE_MAX ? value : FIGURE_MAX;
            ring->added[i]++;
        }
        slot[i] = ring->added[i] > 0 ? encode(ring->sums[i] / ring->added[i]) : CODE_NONE;
    }
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

void usage_rings_note(struct usage_rings *rings, uint64_t at_ms, const struct usage_figures *figures, size_t *budget)
{
    for (size_t i = 0; i < USAGE_STEPS; i++)
        ring_note(&rings->ring[i], &usage_steps[i], at_ms, figures, budget);
}

void usage_rings_each(const struct usage_rings *rings, size_t step, uint64_t since_ms, usage_take_fn *take,
                      void *context)
{
    const struct usage_ring *ring = &rings->ring[step];
    for (uint32_t i = ring->count; i > 0; i--) {
        const uint64_t number = ring->newest - (i - 1), at_ms = number * usage_steps[step].ms;
        const uint16_t *slot = slot_of(ring, number);
        struct usage_figures figures = {0};
        bool known = false;
        for (size_t k = 0; k < USAGE_FIGURES; k++) {
            figures.of[k] = slot[k] != CODE_NONE ? aq_some(decode(slot[k])) : 0;
            known = known || figures.of[k] != 0;
        }
        if (known && at_ms >= since_ms)
            take(context, at_ms, &figures);
    }
}

size_t usage_step_for(uint64_t now_ms, uint64_t since_ms)
{
    const uint64_t back_ms = now_ms > since_ms ? now_ms - since_ms : 0;
    size_t step = 0;
    while (step + 1 < USAGE_STEPS && back_ms > (uint64_t)usage_steps[step].ms * usage_steps[step].length)
        step++;
    return step;
}

size_t usage_rings_bytes(const struct usage_rings *rings)
{
    size_t bytes = 0;
    for (size_t i = 0; i < USAGE_STEPS; i++)
        bytes += rings->ring[i].capacity * sizeof *rings->ring[i].slots;
    return bytes;
}

void usage_rings_free(struct usage_rings *rings)
{
    for (size_t i = 0; i < USAGE_STEPS; i++)
        free(rings->ring[i].slots);
    *rings = (struct usage_rings){0};
}
