// Command hrbridge takes HrFlow webhooks in over HTTP and puts every event on a message queue, on a topic named after the
// event's type.
//
// The package is the program: one small file for each verb, and the connecting of the parts. It holds no logic of the
// domain; a part that it starts knows nothing of the command line, the environment or the other parts.
package main
