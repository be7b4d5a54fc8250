// Package browsertest holds tests only: the pages that pgchaos writes, opened in a real browser.
package browsertest
