package signature

// Form is one of the ways in which HrFlow's documentation and SDKs sign a delivery.
type Form string
