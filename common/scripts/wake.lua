-- A worker took a wake marker and has no room meanwhile: somebody else may look. ARGV 2 lane: 0 computing, 1 I/O
even_when_full()
must_wake[LANES[tonumber(ARGV[2]) + 1]] = true
finish()
