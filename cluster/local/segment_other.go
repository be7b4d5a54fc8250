//go:build !linux

package local

import "os"

// removeSegments is for Linux, whose kernel keeps what killed servers held.
func removeSegments(*os.Root, *owner) error { return nil }

func sharedFiles(*owner, []process) []string { return nil }

func removeSharedFiles(*owner, []string) error { return nil }

type segment struct{}

func mappedSegments(*owner, []process) []segment { return nil }

func removeDynamic(*owner, []segment) error { return nil }
