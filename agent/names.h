/* Names of files and directories that are numbers: of resources, or counted. */
#ifndef AQ_AGENT_NAMES_H
#define AQ_AGENT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum { NAME_SIZE = 24 };

void name_of_number(uint64_t number, char name[NAME_SIZE]);
bool number_of_name(const char *name, uint64_t *number); /* false if it is not a decimal number above 0 */

#endif
