#include "schema/model/amounts.h"

AQ_DEFINE(aq_amounts, "amounts", 1, "amounts of each kind of capacity")

bool aq_amounts_equal(const struct aq_amounts *a, const struct aq_amounts *b)
{
    return a->cpu == b->cpu && a->ram == b->ram && a->disk == b->disk && a->slots == b->slots;
}

void aq_amounts_add(struct aq_amounts *sum, const struct aq_amounts *more)
{
    sum->cpu += more->cpu;
    sum->ram += more->ram;
    sum->disk += more->disk;
    sum->slots += more->slots;
}

static uint64_t less(uint64_t from, uint64_t by)
{
    return from > by ? from - by : 0;
}

void aq_amounts_subtract(struct aq_amounts *from, const struct aq_amounts *by)
{
    from->cpu = less(from->cpu, by->cpu);
    from->ram = less(from->ram, by->ram);
    from->disk = less(from->disk, by->disk);
    from->slots = less(from->slots, by->slots);
}
