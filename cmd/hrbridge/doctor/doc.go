// Package doctor looks at what a bridge stands on, and says of each thing what it found, why that matters and what to do.
//
// It knows this machine (the data folder, its disk, limits, secrets, clock), and how to ask HrFlow for a call and follow it.
// What a broker has to be is for the publishers to say; doctor only shows what they found. Whatever it looks at, it leaves as
// it was.
package doctor
