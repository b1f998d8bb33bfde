#include "tests/lib/chance.h"

static struct chance shared;

uint64_t chance_next(struct chance *chance) /* splitmix64 */
{
    uint64_t z = (chance->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t chance_below(struct chance *chance, uint64_t limit)
{
    return chance_next(chance) % limit;
}

void draw_from(uint64_t seed)
{
    shared.state = seed;
}

uint64_t draw(uint64_t limit)
{
    return chance_below(&shared, limit);
}
