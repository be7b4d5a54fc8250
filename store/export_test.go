package store

import "testing"

// Database makes an empty database on the PostgreSQL server of the tests, for those that are outside of the package. It returns its URL, which has the password.
func Database(t *testing.T) (url, secret string) {
	t.Helper()
	return needServer(t).database(t), password
}
