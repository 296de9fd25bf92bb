# Outside libraries that single tests compare ours with: ep_test_pkg(TARGET modules...).
