// The driver of the test bed. Only the standard library: it must build on a fresh machine in a second.
module zadig-doctor.test/bed

go 1.26.0
