// Package schema is what is known of HrFlow's events: the catalogue of their types, a JSON Schema of each documented type,
// and invented events that keep to it.
//
// It describes the wire to people and tools. It must not know how a delivery is received, published or configured, and
// nothing that is published depends on a schema: the bytes that HrFlow signed go through as they are.
package schema
