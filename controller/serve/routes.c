#include "controller/serve/routes.h"

#include "controller/serve/parameters.h"

struct query_form route_form_of_list(const struct aq_record *row)
{
    return (struct query_form){{&parameters_list_record, &parameters_read_record}, row};
}

struct query_form route_form_of_read(const struct aq_record *parameters)
{
    if (parameters == NULL)
        return (struct query_form){{&parameters_read_record}, NULL};
    return (struct query_form){{parameters, &parameters_read_record}, NULL};
}

struct query_form route_form_of_write(void)
{
    return (struct query_form){{&parameters_write_record}, NULL};
}

/* Only what users read waits for a seq. */
struct query_form route_form(const struct route *route)
{
    if (route->list)
        return route_form_of_list(route->row);
    if (route->access >= ACCESS_USER)
        return route_form_of_read(route->parameters);
    return (struct query_form){{route->parameters}, NULL};
}
