/* Drivers as labels know them: their names and their options. What runs workloads is in drivers/, on agents; the
 * controller checks labels by these declarations alone. Each driver has a file of its own in this folder. */
#ifndef AQ_SCHEMA_DRIVERS_DRIVER_H
#define AQ_SCHEMA_DRIVERS_DRIVER_H

#include "schema/model/record.h"
#include "schema/model/registry.h"

struct aq_option_reader; /* options.h */

struct aq_driver {
    const char *name;                       /* as in a label's `driver` */
    const char *help;                       /* sentences */
    const struct aq_record *options;        /* declared like settings */
    const struct aq_option_reader *readers; /* for the options that need one; NULL: none */
};

/* AQ_DRIVER(process, "Sentences.", readers): after AQ_DEFINE_SETTINGS(aq_process_options, ...). */
#define AQ_DRIVER(driver, words, option_readers)                                                                       \
    const struct aq_driver aq_driver_##driver = {#driver, words, &aq_##driver##_options_record, option_readers};       \
    AQ_REGISTER(aq_drivers, aq_driver, aq_driver_##driver)

const struct aq_driver *aq_driver_find(const char *name); /* NULL: none */
const struct aq_driver *aq_driver_at(size_t index);       /* sorted by name; NULL after the last */

#endif
