/* Types that a node's operator takes, for passes. */
#include "ir/ir.h"

static bool port_of(const struct qn_schema_port *port,
                    struct quern_port *out_port)
{
    if (port == NULL) {
        return false;
    }
    bool bound = port->variable != UINT8_MAX &&
                 (port->option != QN_SCHEMA_VARIADIC || port->homogeneous);
    *out_port = (struct quern_port){
        .types = port->types,
        .variable = bound ? port->variable : -1,
    };
    return true;
}

bool quern_node_input_port(const struct quern_node *node, size_t i,
                           struct quern_port *out_port)
{
    const struct qn_schema *schema = qn_node_schema(node);
    return schema != NULL && port_of(qn_schema_input(schema, i), out_port);
}

bool quern_node_output_port(const struct quern_node *node, size_t i,
                            struct quern_port *out_port)
{
    const struct qn_schema *schema = qn_node_schema(node);
    return schema != NULL && port_of(qn_schema_output(schema, i), out_port);
}
