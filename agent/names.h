/* Names of files and directories that are numbers: resources in workloads/ and ended/, counts in spare/ and trash/. */
#ifndef AQ_AGENT_NAMES_H
#define AQ_AGENT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum { NAME_SIZE = 24 };

void name_of_number(uint64_t number, char name[NAME_SIZE]);
bool number_of_name(const char *name, uint64_t *number); /* false: it is not a decimal number above 0 */

#endif
