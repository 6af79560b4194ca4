// Package kafkatest runs a real Apache Kafka for tests, without Docker: the release that deploy/kafka/pom.xml pins, from Maven
// Central, on the JDK of this machine, with its data in a folder of the test's. It reads back with franz-go, which shares no
// code with the publisher that it judges.
//
// No part of the product imports it. Where there is no JDK or no Maven, a test that asks for a broker is skipped, or fails
// where HRBRIDGE_TEST_REQUIRE lists "kafka".
package kafkatest
